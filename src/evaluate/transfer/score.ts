import { classMeaning, alignClasses } from '../../data/align.js';
import { limitSplit, titleOf, type DataSet } from '../../data/dataset.js';
import type { OpenOptions } from '../../gpu/node.js';
import { UserError } from '../../util/errors.js';
import { evaluate } from '../evaluate.js';
import { balancedAccuracy, classificationReport, confusionMatrix } from '../metrics/index.js';
import { openDeviceFor, placeNetwork, type Trained } from '../trained.js';
import type { TransferScores } from './record.js';

export interface ScoreOptions extends Pick<OpenOptions, 'adapter' | 'backend'> {
  readonly batchSize: number;
  /** At most this many test images, drawn with `seed`. */
  readonly limit?: number | undefined;
  readonly seed: number;
  readonly onProgress?: (fraction: number) => void;
}

/**
 * What a network reaches on the test split of a data set with the same classes, on a device of its own.
 *
 * @param classes by whose words, and in whose order, recalls are given
 * @throws UserError where there are no test images, or the classes are not the same
 */
export async function scoreTest(
  trained: Trained,
  data: DataSet,
  classes: readonly string[],
  { batchSize, limit, seed, onProgress, ...gpu }: ScoreOptions,
): Promise<TransferScores> {
  const names = trained.known?.classes ?? data.classes;
  const aligned = alignClasses(data, names, trained.file);
  if (aligned.splits.test.count === 0) {
    throw new UserError(`${titleOf(data)} has no test images; --split 64/16/20 draws new splits`);
  }
  const test = limit === undefined ? aligned.splits.test : limitSplit(aligned.splits.test, limit, seed);
  const device = await openDeviceFor(trained, gpu);
  try {
    const { model, normalisation, augmenter } = placeNetwork(device, trained, aligned);
    const { count, loss, accuracy, labels, predictions } = await evaluate(device, model, aligned, test, {
      ...normalisation,
      ...{ augmenter, batchSize },
      ...(onProgress ? { onProgress } : {}),
    });
    const confusion = confusionMatrix(labels, predictions, names.length);
    const { macro, perClass } = classificationReport(confusion);
    return {
      ...{ count, loss, accuracy, balancedAccuracy: balancedAccuracy(confusion), macroF1: macro.f1 },
      recall: classes.map(name => {
        const { recall, support } = perClass[classMeaning(name, names)]!;
        return support > 0 ? recall : null;
      }),
    };
  } finally {
    device.destroy();
  }
}
