import type { DataSet } from '../../data/dataset.js';
import { UserError } from '../../util/errors.js';
import { recipeText, type RecipeHead } from '../recipes/index.js';
import { requireSameData, resumedOptions } from '../resumed-options.js';
import { problemWarning, RunFolder, type RunConfig } from '../run.js';
import { trainRun, type RunContext } from '../train-run.js';
import type { EpochRow, Reporter, TrainOptions, TrainSummary } from '../types.js';

/** A run among several that belong together. */
export interface Member {
  readonly path: string;
  readonly options: TrainOptions;
  /** Of its `recipe.yaml`, where it has one. */
  readonly head?: RecipeHead | undefined;
}

export interface MemberContext extends Omit<RunContext, 'run' | 'resume' | 'reporter'> {
  /** What tells of a member's run; `history` are the epochs before this sitting. */
  readonly reporterFor: (member: Member, history: readonly EpochRow[]) => Reporter & { dispose(): void };
}

/**
 * The options of a run in the terms of this machine, whose own for it are `own`: another machine that has begun it may call the
 * same files otherwise.
 */
export type Translate = (written: TrainOptions, own: TrainOptions) => Promise<TrainOptions>;

/** Whether there is nothing left to train for a run of so many epochs. */
export function isFinished(summary: TrainSummary, epochs: number): boolean {
  return !summary.interrupted && (summary.stoppedEarly === true || summary.epochs >= epochs);
}

/**
 * The summary of a member that has finished; undefined for one that has not, or was not begun.
 * @param translate where other machines train members too
 * @throws UserError where its folder holds a run of other options
 */
export async function finishedSummary(
  { path, options }: Member,
  translate?: Translate,
): Promise<TrainSummary | undefined> {
  if (!(await RunFolder.isBegun(path))) return undefined;
  const run = await RunFolder.open(path);
  const written = run.config.options;
  const config = translate ? { ...run.config, options: await translate(written, options) } : run.config;
  requireSameOptions(config, options, path);
  const { summary } = await run.past();
  return summary && isFinished(summary, options.epochs) ? summary : undefined;
}

/**
 * Trains a member: begins its run, or goes on with it where it stopped.
 * @throws UserError where its folder holds a run of other options or other data
 */
export async function trainMember(member: Member, data: DataSet, context: MemberContext): Promise<TrainSummary> {
  const { path, options, head } = member;
  const { reporterFor, ...rest } = context;
  const resume = await RunFolder.isBegun(path);
  const run = resume
    ? await RunFolder.open(path)
    : await RunFolder.create(path, { recipe: head && recipeText(options, head) });
  if (resume) {
    requireSameOptions(run.config, options, path);
    requireSameData(run.config, data.fingerprint, options.data);
  }
  const past = resume ? await run.past() : undefined;
  const reporter = reporterFor(member, past?.history ?? []);
  for (const problem of past?.problems ?? []) reporter.note(problemWarning(problem));
  try {
    return await trainRun(data, options, { ...rest, run, reporter, resume });
  } finally {
    reporter.dispose();
  }
}

/**
 * Refuses to go on with a run under other options than its own; more epochs are none.
 * @throws UserError that names the folder and the option
 */
export function requireSameOptions(config: RunConfig, options: TrainOptions, path: string): void {
  const gone = (Object.keys(config.options) as (keyof TrainOptions)[]).find(
    key => options[key] === undefined && key !== 'labels' && key !== 'exclude',
  );
  try {
    resumedOptions(config, options);
    if (gone !== undefined) throw new UserError(`it was begun with ${gone} ${JSON.stringify(config.options[gone])}`);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(`${path} holds a run of other options: ${error.message}; choose another --out`);
  }
}
