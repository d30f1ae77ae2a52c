import { limitSplit, type DataSet, type SplitName } from '../../data/dataset.js';
import { dataKey } from '../../train/load-options.js';
import { finishedSummary, trainMember, type Member, type MemberContext } from '../../train/series/index.js';
import type { TrainOptions } from '../../train/types.js';
import { UserError } from '../../util/errors.js';
import { evaluate } from '../evaluate.js';
import { confusionMatrix } from '../metrics/confusion.js';
import { classificationReport } from '../metrics/report.js';
import { openDeviceFor, placeNetwork, readTrainedRun } from '../trained.js';
import { Comparison, type Evaluation, type ExperimentComparison, type ExperimentsPlan } from './comparison.js';
import type { SplitResult } from './results.js';

export interface ExperimentsContext extends MemberContext {
  readonly title: string;
  /** Loads what a run trains on. */
  readonly load: (options: TrainOptions) => Promise<DataSet>;
  readonly note: (text: string) => void;
}

/**
 * Trains and evaluates each experiment in turn, and writes `comparison.json`, `.csv` and `.md` into `out` after each, at the end
 * also the curves. What has finished in an earlier sitting is left alone, what was stopped goes on. A run that fails is told, and
 * the next one begins.
 *
 * @throws {UserError} where `out` cannot be written, or holds runs of other options, and where another process compares there
 */
export async function runExperiments(
  plan: ExperimentsPlan,
  out: string,
  context: ExperimentsContext,
): Promise<ExperimentComparison> {
  const comparison = await Comparison.open(plan, out, context);
  try {
    return await runAll(plan, comparison, context);
  } finally {
    await comparison.close();
  }
}

async function runAll(
  { experiments }: ExperimentsPlan,
  comparison: Comparison,
  context: ExperimentsContext,
): Promise<ExperimentComparison> {
  const load = lastLoaded(context.load);
  for (const [i, experiment] of experiments.entries()) {
    if (await comparison.takeUp(experiment)) continue;
    if (context.signal.aborted) continue;
    const { name, seed, path } = experiment;
    context.note(`${i + 1} of ${experiments.length}: ${name}, seed ${seed}, in ${path}`);
    try {
      const data = await load(experiment.options);
      const summary = (await finishedSummary(experiment)) ?? (await trainMember(experiment, data, context));
      const evaluation = summary.interrupted ? undefined : await evaluateMember(experiment, data, context);
      await comparison.record(experiment, summary, evaluation);
    } catch (error) {
      const message = (error as Error).message;
      context.note(`${path} failed: ${message}`);
      if (experiments.length === 1 && error instanceof UserError) throw error;
      await comparison.recordFailure(experiment, message);
    }
  }
  return comparison.end();
}

/** The best weights of a run on validation and test images, as many of them as the run had. */
export async function evaluateMember(
  { path, options }: Pick<Member, 'path' | 'options'>,
  data: DataSet,
  { adapter, backend }: Pick<ExperimentsContext, 'adapter' | 'backend'>,
): Promise<Evaluation> {
  const trained = await readTrainedRun(path);
  const device = await openDeviceFor(trained, { adapter, backend });
  try {
    const { model, normalisation, augmenter } = placeNetwork(device, trained, data);
    const resultOn = async (name: SplitName): Promise<SplitResult> => {
      const { limit, seed, batchSize } = options;
      const images = limit === undefined ? data.splits[name] : limitSplit(data.splits[name], limit, seed);
      const found = await evaluate(device, model, data, images, { ...normalisation, augmenter, batchSize });
      const { count, loss, accuracy, labels, predictions } = found;
      const { macro, weighted } = classificationReport(confusionMatrix(labels, predictions, data.classes.length));
      return { count, loss, accuracy, macroF1: macro.f1, weightedF1: weighted.f1 };
    };
    const val = await resultOn('val');
    return data.splits.test.count === 0 ? { val } : { val, test: await resultOn('test') };
  } finally {
    device.destroy();
  }
}

/** Loads data once for experiments in a row that take them alike; no more than one data set is held. */
function lastLoaded(load: (options: TrainOptions) => Promise<DataSet>): (options: TrainOptions) => Promise<DataSet> {
  let last: { key: string; data: DataSet } | undefined;
  return async options => {
    const key = dataKey(options);
    if (last?.key === key) return last.data;
    last = undefined;
    last = { key, data: await load(options) };
    return last.data;
  };
}
