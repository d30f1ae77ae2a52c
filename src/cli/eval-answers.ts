import type { DataSet, SplitName } from '../data/dataset.js';
import type { DataOptions } from '../data/options.js';
import type { Predictions } from '../evaluate/evaluate.js';
import type { Ensemble } from '../evaluate/members.js';
import type { Trained, TrainedOverrides } from '../evaluate/trained.js';
import type { Tta } from '../evaluate/tta.js';
import type { Precision } from '../gpu/matrices.js';
import { UserError } from '../util/errors.js';
import { dataFlagsOf, type DataFlags } from './data-options.js';
import type { GpuOptions } from './options.js';
import { StatusLine } from './status-line.js';
import { readTrained, type TrainedFlags } from './trained-options.js';

/** Options of `facegrad eval` that say which networks answer, on which images, and how. */
export interface AnswerFlags extends GpuOptions, DataFlags, Omit<TrainedFlags, 'run'> {
  run?: string[];
  fitWeights?: true;
  data?: string;
  exclude?: string;
  augment?: string;
  split: SplitName;
  classes?: number | string[];
  mean?: number[];
  std?: number[];
  batchSize: number;
  precision?: Precision;
}

/** The network that is evaluated, or those of an ensemble. */
export async function readAllTrained(flags: AnswerFlags): Promise<[Trained, ...Trained[]]> {
  const [run, ...others] = flags.run ?? [];
  if (others.length === 0) {
    if (flags.fitWeights) throw new UserError('--fit-weights weighs several runs: give --run more than once');
    return [await readTrained({ ...flags, run }, 'eval')];
  }
  if (flags.mean !== undefined || flags.std !== undefined || flags.augment !== undefined) {
    throw new UserError('several runs bring their own normalisation and crops: leave out --mean, --std and --augment');
  }
  const trained: [Trained, ...Trained[]] = [await readTrained({ ...flags, run }, 'eval')];
  for (const other of others) trained.push(await readTrained({ ...flags, run: other }, 'eval'));
  return trained;
}

/** The data that are evaluated on: those of --data, else those of the network's run, at `path`. */
export async function sourceFor(
  { run }: Trained,
  path: string,
  flags: AnswerFlags,
): Promise<{ path: string; options: DataOptions }> {
  // Other data have options of their own.
  const own = flags.data === undefined && run ? await dataFlagsOf(run.config.options) : {};
  return { path, options: { ...own, ...(await dataFlagsOf(flags)) } };
}

/** The images of `source` as a network was trained on them, and what it calls their classes. */
export async function load(
  trained: Trained,
  source: { path: string; options: DataOptions },
  flags: AnswerFlags,
  given: TrainedOverrides,
): Promise<{ data: DataSet; names: readonly string[] }> {
  const { loadOptionsFor } = await import('../evaluate/trained.js');
  const { loadDataVisibly } = await import('./load-data.js');
  const loadOptions = { ...loadOptionsFor(trained, given), ...source.options };
  const data = await loadDataVisibly(source.path, flags.exclude, loadOptions);
  if (data.splits[flags.split].count === 0) throw new UserError(`${data.name} has no ${flags.split} images`);
  const { matchClasses } = await import('../evaluate/classes.js');
  return { data, names: matchClasses(flags.classes, trained.known?.classes, data.classes) };
}

/** What a network answers on the chosen split, and whether it was computed in mixed precision. */
export async function predict(
  trained: Trained,
  data: DataSet,
  flags: AnswerFlags,
  given: TrainedOverrides,
  tta: Tta | undefined,
  split = flags.split,
): Promise<{ predictions: Predictions; mixed: boolean; ensemble?: Ensemble }> {
  const { openDeviceFor, placeNetwork } = await import('../evaluate/trained.js');
  const { evaluateWithTta } = await import('../evaluate/tta.js');
  const { ampProblem } = await import('../gpu/matrices.js');
  const device = await openDeviceFor(trained, flags);
  const problem = (flags.precision ?? trained.precision) === 'amp' ? ampProblem(device) : undefined;
  if (problem !== undefined) console.error(`facegrad: ${problem}`);
  const status = new StatusLine();
  try {
    const network = placeNetwork(device, trained, data, given);
    const predictions = await evaluateWithTta(device, network, data, data.splits[split], {
      ...{ tta, augment: given.augment ?? trained.augment, batchSize: flags.batchSize },
      onProgress: fraction => {
        status.update('evaluating', fraction);
      },
    });
    return { predictions, mixed: device.matrices !== undefined };
  } finally {
    status.clear();
    device.destroy();
  }
}

/** Several networks one by one, and as one. */
export async function predictTogether(networks: readonly Trained[], flags: AnswerFlags, tta: Tta | undefined) {
  const { evaluateTogether } = await import('../evaluate/members.js');
  let mixed = false;
  const loaded = new Map<string, DataSet>();
  const together = await evaluateTogether(networks, {
    ...{ split: flags.split, fitOn: flags.fitWeights ? 'val' : undefined, sameClasses: flags.classes !== undefined },
    answer: async (network, splits) => {
      const source = await sourceFor(network, flags.data ?? network.run!.config.options.data, flags);
      const { loadOptionsFor } = await import('../evaluate/trained.js');
      const key = JSON.stringify([source, loadOptionsFor(network)]);
      const data = loaded.get(key) ?? (await load(network, source, flags, {})).data;
      // Members of one form follow each other as a rule; more than one form would fill the memory.
      loaded.clear();
      loaded.set(key, data);
      const predictions: Predictions[] = [];
      for (const split of splits) {
        if (data.splits[split].count === 0)
          throw new UserError(`${data.name} has no ${split} images to fit weights on`);
        const answers = await predict(network, data, flags, {}, tta, split);
        predictions.push(answers.predictions);
        mixed ||= answers.mixed;
      }
      return { data, predictions };
    },
  });
  return { ...together, mixed };
}
