import type { DataSet } from '../../data/dataset.js';
import { fileFingerprint } from '../../train/init-weights.js';
import { UserError } from '../../util/errors.js';
import { readTrainedRun, type Trained } from '../trained.js';
import type { TransferFolder } from './folder.js';
import type { Measurement, TransferRecord, TransferScores } from './record.js';

/** What a transfer is made of; each is done once, however often the transfer is stopped. */
export interface TransferSteps {
  /** The data that the network was trained on. */
  loadSource(): Promise<DataSet>;
  /** The data that it is transferred to. */
  loadTarget(): Promise<DataSet>;
  /** Trains the run of the transfer, or goes on with it; false where it was interrupted. */
  fineTune(): Promise<boolean>;
  score(trained: Trained, data: DataSet, what: Measurement): Promise<TransferScores>;
}

/**
 * Does what is left of a transfer: the network on the new data as it is and on the old, fine-tuning, then both data again.
 *
 * @returns undefined where it was interrupted; `folder` then holds what is done
 * @throws UserError where the weights are others than when it began
 */
export async function transfer(
  folder: TransferFolder,
  steps: TransferSteps,
  signal: AbortSignal,
): Promise<TransferRecord | undefined> {
  const { from } = folder.record;
  const source = once(() => steps.loadSource());
  const target = once(() => steps.loadTarget());
  const measure = async (which: Measurement, network: () => Promise<Trained>, data: () => Promise<DataSet>) => {
    if (folder.record[which] || signal.aborted) return;
    await folder.keep(which, await steps.score(await network(), await data(), which));
  };
  const first = async () => {
    const trained = await readTrainedRun(from.run);
    if ((await fileFingerprint(trained.file)) === from.weights) return trained;
    throw new UserError(`${trained.file} has changed since the transfer began; begin it anew with --force`);
  };
  const tuned = () => readTrainedRun(folder.run);
  await measure('zeroShot', first, target);
  await measure('sourceBefore', first, source);
  if (signal.aborted || !(await steps.fineTune())) return undefined;
  await measure('fineTuned', tuned, target);
  await measure('sourceAfter', tuned, source);
  return folder.record.sourceAfter ? folder.record : undefined;
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => (made ??= make());
}
