import { join, resolve } from 'node:path';
import * as z from 'zod';
import { epochCurves, pngFile, svgFile } from '../../plots/index.js';
import { createFolder, removeTemporaryFiles, writeFileAtomic } from '../../train/files.js';
import { readJsonFile } from '../../train/json-file.js';
import { lockFolder } from '../../train/run-lock.js';
import { RunFolder } from '../../train/run.js';
import { finishedSummary, type Translate } from '../../train/series/index.js';
import type { TrainSummary } from '../../train/types.js';
import type { Experiment, Refused } from './plan.js';
import { splitResultSchema, sumUp, type ExperimentResult, type RecipeResult, type SplitResult } from './results.js';
import { experimentsCsv, experimentsMarkdown } from './table.js';

/** The content of `comparison.json`. */
export interface ExperimentComparison {
  readonly title: string;
  readonly recipes: readonly RecipeResult[];
  readonly runs: readonly ExperimentResult[];
  /** Recipes that do not go together with the options given. */
  readonly refused: readonly { readonly recipe: string; readonly error: string }[];
}

/** The runs that are compared, and the recipes that give none. */
export interface ExperimentsPlan {
  readonly experiments: readonly Experiment[];
  readonly refused: readonly Refused[];
}

// What an earlier sitting measured; the runs' own figures are read from their folders.
const earlier = z.object({
  runs: z.array(
    z.object({
      ...{ run: z.string(), state: z.string(), epochs: z.number().optional(), seconds: z.number().optional() },
      ...{ val: splitResultSchema.optional(), test: splitResultSchema.optional() },
    }),
  ),
});

type Earlier = z.infer<typeof earlier>['runs'];

/** What a run's best weights reach. */
export interface Evaluation {
  readonly val: SplitResult;
  /** Absent where the data have no test images. */
  readonly test?: SplitResult;
}

const CURVES = [
  ['valAccuracy', 'validation accuracy', '.0%'],
  ['valLoss', 'validation loss', undefined],
] as const;
const curvesName = (title: string) => title.replace(' ', '-');

/** What is written into the folder of a comparison, beside the runs' own. */
const FILES = [
  ...['comparison.json', 'comparison.csv', 'comparison.md'],
  ...CURVES.flatMap(([, title]) => ['svg', 'png'].map(ending => `${curvesName(title)}.${ending}`)),
];

interface ComparisonContext {
  readonly title: string;
  /** Told which recipes are left out. */
  readonly note: (text: string) => void;
  /** What lets this process alone write there, whichever has done so before (`lockFolder`). */
  readonly lease?: string;
  /** Where other machines train its runs too. */
  readonly translate?: Translate;
}

/**
 * The folder of a comparison: what has come of its experiments so far, written down as `comparison.json`, `.csv` and `.md`. One
 * process at a time writes there, until it closes it.
 */
export class Comparison {
  readonly #results: ExperimentResult[];

  private constructor(
    private readonly plan: ExperimentsPlan,
    private readonly out: string,
    private readonly title: string,
    private readonly before: Earlier,
    /** Lets other processes have the folder. */
    readonly close: () => Promise<void>,
    private readonly translate?: Translate,
  ) {
    this.#results = plan.experiments.map(experiment => ({ ...headOf(experiment), state: 'waiting' }));
  }

  /**
   * @throws {UserError} where `out` cannot be written, or holds runs of other options, and where another process compares there
   */
  static async open(
    plan: ExperimentsPlan,
    out: string,
    { title, note, lease, translate }: ComparisonContext,
  ): Promise<Comparison> {
    // A folder with runs of other options is found before anything is trained.
    for (const experiment of plan.experiments) await finishedSummary(experiment, translate);
    await createFolder(resolve(out));
    const unlock = await lockFolder(out, lease);
    try {
      await removeTemporaryFiles(out, FILES);
      const before = (await readJsonFile(earlier, join(out, 'comparison.json')))?.runs ?? [];
      for (const { name, error } of plan.refused) note(`${name} is left out: ${error.message}`);
      return new Comparison(plan, out, title, before, unlock, translate);
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /**
   * The summary of one of the runs, where it has finished.
   * @throws {UserError} where its folder holds a run of other options
   */
  async finished(experiment: Experiment): Promise<TrainSummary | undefined> {
    return finishedSummary(experiment, this.translate);
  }

  /** Takes the result that an earlier sitting has measured; false where there is still something to do. */
  async takeUp(experiment: Experiment): Promise<boolean> {
    const { path } = experiment;
    const known = await this.finished(experiment);
    const found = this.before.find(({ run, state }) => run === path && state === 'finished');
    if (!known || !found?.val || found.epochs !== known.epochs || found.seconds !== known.seconds) return false;
    this.#set(experiment, resultOf(experiment, known, { val: found.val, ...(found.test ? { test: found.test } : {}) }));
    return true;
  }

  /** Takes what came of a run: it was interrupted where there is no evaluation. */
  async record(experiment: Experiment, summary: TrainSummary, evaluation?: Evaluation): Promise<void> {
    this.#set(experiment, resultOf(experiment, summary, evaluation));
    await this.write();
  }

  async recordFailure(experiment: Experiment, error: string): Promise<void> {
    this.#set(experiment, { ...headOf(experiment), state: 'failed', error });
    await this.write();
  }

  /** Writes the comparison down as it is. */
  async write(): Promise<ExperimentComparison> {
    const { out, title, plan } = this;
    const reported = new Map(plan.experiments.map(({ name, reported }) => [name, reported]));
    const content: ExperimentComparison = {
      ...{ title, recipes: sumUp(this.#results, reported), runs: this.#results },
      refused: plan.refused.map(({ name, error }) => ({ recipe: name, error: error.message })),
    };
    await writeFileAtomic(join(out, 'comparison.json'), `${JSON.stringify(content, null, 2)}\n`);
    await writeFileAtomic(join(out, 'comparison.csv'), experimentsCsv(this.#results, reported));
    await writeFileAtomic(join(out, 'comparison.md'), experimentsMarkdown(title, content.recipes));
    return content;
  }

  /** At the end of a sitting: draws the curves too. */
  async end(): Promise<ExperimentComparison> {
    const content = await this.write();
    await drawCurves(this.plan.experiments, this.out);
    return content;
  }

  #set(experiment: Experiment, result: ExperimentResult): void {
    this.#results[this.plan.experiments.indexOf(experiment)] = result;
  }
}

const headOf = ({ name, seed, options, path }: Experiment) => ({ recipe: name, seed, model: options.model, run: path });

function resultOf(experiment: Experiment, summary: TrainSummary, evaluation: Evaluation | undefined): ExperimentResult {
  const { parameters, epochs, bestEpoch, imagesPerSecond, seconds } = summary;
  return {
    ...headOf(experiment),
    state: evaluation ? 'finished' : 'interrupted',
    ...{ parameters, epochs, bestEpoch, imagesPerSecond, seconds },
    ...(evaluation ? { val: evaluation.val } : {}),
    ...(evaluation?.test ? { test: evaluation.test } : {}),
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
  for (const [key, title, format] of CURVES) {
    const series = histories.map(({ name, rows }) => ({
      name,
      points: rows.map(row => ({ epoch: row.epoch, value: row[key] })),
    }));
    const chart = await epochCurves(title, series, title, format);
    const file = join(out, curvesName(title));
    await writeFileAtomic(`${file}.svg`, svgFile(chart));
    await writeFileAtomic(`${file}.png`, pngFile(chart));
  }
}
