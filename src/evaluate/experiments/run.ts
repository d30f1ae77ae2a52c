import { join, resolve } from 'node:path';
import * as z from 'zod';
import { limitSplit, type DataSet, type SplitName } from '../../data/dataset.js';
import { epochCurves, pngFile, svgFile } from '../../plots/index.js';
import { createFolder, writeFileAtomic } from '../../train/files.js';
import { readJsonFile } from '../../train/json-file.js';
import { loadOptionsOf } from '../../train/load-options.js';
import { RunFolder } from '../../train/run.js';
import { finishedSummary, trainMember, type MemberContext } from '../../train/series/index.js';
import type { TrainOptions, TrainSummary } from '../../train/types.js';
import { UserError } from '../../util/errors.js';
import { evaluate } from '../evaluate.js';
import { confusionMatrix } from '../metrics/confusion.js';
import { classificationReport } from '../metrics/report.js';
import { openDeviceFor, placeNetwork, readTrainedRun } from '../trained.js';
import type { Experiment, Refused } from './plan.js';
import { sumUp, type ExperimentResult, type RecipeResult, type SplitResult } from './results.js';
import { experimentsCsv, experimentsMarkdown } from './table.js';

/** The content of `comparison.json`. */
export interface ExperimentComparison {
  readonly title: string;
  readonly recipes: readonly RecipeResult[];
  readonly runs: readonly ExperimentResult[];
  /** Recipes that do not go together with the options given. */
  readonly refused: readonly { readonly recipe: string; readonly error: string }[];
}

export interface ExperimentsContext extends MemberContext {
  readonly title: string;
  /** Loads what a run trains on. */
  readonly load: (options: TrainOptions) => Promise<DataSet>;
  readonly note: (text: string) => void;
}

// What an earlier sitting measured; the runs' own figures are read from their folders.
const split = z.object({
  ...{ count: z.number(), loss: z.number(), accuracy: z.number(), macroF1: z.number(), weightedF1: z.number() },
});
const earlier = z.object({
  runs: z.array(
    z.object({
      ...{ run: z.string(), state: z.string(), epochs: z.number().optional(), seconds: z.number().optional() },
      ...{ val: split.optional(), test: split.optional() },
    }),
  ),
});

/**
 * Trains and evaluates each experiment in turn, and writes `comparison.json`, `.csv` and `.md` into `out` after each, at the end
 * also the curves. What has finished in an earlier sitting is left alone, what was stopped goes on. A run that fails is told, and
 * the next one begins.
 *
 * @throws {UserError} where `out` cannot be written, or holds runs of other options
 */
export async function runExperiments(
  { experiments, refused }: { readonly experiments: readonly Experiment[]; readonly refused: readonly Refused[] },
  out: string,
  context: ExperimentsContext,
): Promise<ExperimentComparison> {
  // A folder with runs of other options is found before anything is trained.
  for (const experiment of experiments) await finishedSummary(experiment);
  await createFolder(resolve(out));
  const before = (await readJsonFile(earlier, join(out, 'comparison.json')))?.runs ?? [];
  const reported = new Map(experiments.map(({ name, reported }) => [name, reported]));
  const results = experiments.map((experiment): ExperimentResult => ({ ...headOf(experiment), state: 'waiting' }));
  const comparison = (): ExperimentComparison => ({
    ...{ title: context.title, recipes: sumUp(results, reported), runs: results },
    refused: refused.map(({ name, error }) => ({ recipe: name, error: error.message })),
  });
  const write = async () => {
    const content = comparison();
    await writeFileAtomic(join(out, 'comparison.json'), `${JSON.stringify(content, null, 2)}\n`);
    await writeFileAtomic(join(out, 'comparison.csv'), experimentsCsv(results, reported));
    await writeFileAtomic(join(out, 'comparison.md'), experimentsMarkdown(context.title, content.recipes));
  };
  for (const { name, error } of refused) context.note(`${name} is left out: ${error.message}`);
  const load = lastLoaded(context.load);
  for (const [i, experiment] of experiments.entries()) {
    const { path } = experiment;
    const known = await finishedSummary(experiment);
    const found = before.find(({ run, state }) => run === path && state === 'finished');
    if (known && found?.val && found.epochs === known.epochs && found.seconds === known.seconds) {
      results[i] = { ...resultOf(experiment, known), val: found.val, ...(found.test ? { test: found.test } : {}) };
      continue;
    }
    if (context.signal.aborted) continue;
    context.note(`${i + 1} of ${experiments.length}: ${experiment.name}, seed ${experiment.seed}, in ${path}`);
    try {
      const data = await load(experiment.options);
      const summary = known ?? (await trainMember(experiment, data, context));
      results[i] = summary.interrupted
        ? { ...resultOf(experiment, summary), state: 'interrupted' }
        : { ...resultOf(experiment, summary), ...(await evaluateRun(experiment, data, context)) };
    } catch (error) {
      const message = (error as Error).message;
      context.note(`${path} failed: ${message}`);
      results[i] = { ...headOf(experiment), state: 'failed', error: message };
      if (experiments.length === 1 && error instanceof UserError) throw error;
    }
    await write();
  }
  await write();
  await drawCurves(experiments, out);
  return comparison();
}

const headOf = ({ name, seed, options, path }: Experiment) => ({ recipe: name, seed, model: options.model, run: path });

function resultOf(experiment: Experiment, summary: TrainSummary): ExperimentResult {
  const { parameters, epochs, bestEpoch, imagesPerSecond, seconds } = summary;
  return { ...headOf(experiment), state: 'finished', parameters, epochs, bestEpoch, imagesPerSecond, seconds };
}

/** The best weights on validation and test images, as many of them as the run had. */
async function evaluateRun(
  { path, options }: Experiment,
  data: DataSet,
  { adapter, backend }: Pick<ExperimentsContext, 'adapter' | 'backend'>,
): Promise<{ val: SplitResult; test?: SplitResult }> {
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
    const key = JSON.stringify([options.data, options.exclude, loadOptionsOf(options), options.joint]);
    if (last?.key === key) return last.data;
    last = undefined;
    last = { key, data: await load(options) };
    return last.data;
  };
}

/** The accuracies and losses on validation of all runs over their epochs, one chart each. */
async function drawCurves(experiments: readonly Experiment[], out: string): Promise<void> {
  const histories: { name: string; rows: Awaited<ReturnType<RunFolder['readMetrics']>> }[] = [];
  for (const { path, name, seed } of experiments) {
    const run = await RunFolder.open(path).catch(() => undefined);
    const rows = (await run?.readMetrics().catch(() => [])) ?? [];
    const several = experiments.some(other => other.name === name && other.seed !== seed);
    if (rows.length > 0) histories.push({ name: several ? `${name}, seed ${seed}` : name, rows });
  }
  if (histories.length === 0) return;
  for (const [key, title, format] of [
    ['valAccuracy', 'validation accuracy', '.0%'],
    ['valLoss', 'validation loss', undefined],
  ] as const) {
    const series = histories.map(({ name, rows }) => ({
      name,
      points: rows.map(row => ({ epoch: row.epoch, value: row[key] })),
    }));
    const chart = await epochCurves(title, series, title, format);
    const file = join(out, title.replace(' ', '-'));
    await writeFileAtomic(`${file}.svg`, svgFile(chart));
    await writeFileAtomic(`${file}.png`, pngFile(chart));
  }
}
