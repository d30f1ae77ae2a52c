import { basename, join } from 'node:path';
import * as z from 'zod';
import type { DataSet } from '../../data/dataset.js';
import { UserError } from '../../util/errors.js';
import { createFolder, kindOf, removeTemporaryFiles, writeFileAtomic } from '../files.js';
import { readJsonFile } from '../json-file.js';
import { lockFolder } from '../run-lock.js';
import { RunFolder } from '../run.js';
import type { TrainOptions, TrainSummary } from '../types.js';
import { finishedSummary, type Member, type Translate } from './member.js';
import { membersOf, planShape, SERIES_KINDS, type SeriesKind, type SeriesPlan } from './plan.js';
import { memberResult, statisticsOf, type SeriesSummary } from './summary.js';
import { seriesMarkdown } from './table.js';

/** Options that a series may be continued with, because files move. */
export const MOVED_OPTIONS = ['data', 'labels', 'exclude'] as const;

type MovedOption = (typeof MOVED_OPTIONS)[number];

/** Which series a folder holds, if any. */
export async function seriesKindOf(path: string): Promise<SeriesKind | undefined> {
  for (const kind of SERIES_KINDS) if ((await kindOf(join(path, `${kind}.json`))) === 'file') return kind;
  return undefined;
}

/**
 * The folder of a series: `folds.json` or `repeats.json` with what decides its runs and what came of them, the same as a table
 * (`.md`), and a folder for each run.
 */
export class SeriesFolder {
  private constructor(
    readonly path: string,
    readonly plan: SeriesPlan,
    private readonly translate?: Translate,
  ) {}

  /**
   * A folder for a new series.
   * @param translate where other machines train its runs too
   * @throws UserError where `path` holds a run or a series already
   */
  static async create(path: string, plan: SeriesPlan, translate?: Translate): Promise<SeriesFolder> {
    await requireNoSeries(path);
    const folder = new SeriesFolder(path, plan, translate);
    await createFolder(path);
    await folder.update();
    return folder;
  }

  /**
   * The folder of a series that was begun; `moved` says where its data are now, and `translate` is as of `create`.
   * @throws UserError where there is none or its file is not valid
   */
  static async open(
    path: string,
    moved: Partial<Pick<TrainOptions, MovedOption>> = {},
    translate?: Translate,
  ): Promise<SeriesFolder> {
    const kind = await seriesKindOf(path);
    // What came of the runs stands in their own folders.
    const plan = kind && (await readJsonFile(z.object(planShape), join(path, `${kind}.json`)));
    if (plan === undefined) throw new UserError(`${path} holds neither folds nor repeats`);
    return new SeriesFolder(path, { ...plan, options: { ...plan.options, ...moved } }, translate);
  }

  get members(): Member[] {
    return membersOf(this.plan, this.path);
  }

  /**
   * Takes the folder for this process, until the function that comes back is called, and removes what a killed one had not
   * finished writing.
   * @param lease as of `lockFolder`
   * @throws UserError where another process trains the series, and where the folder cannot be written
   */
  async lock(lease?: string): Promise<() => Promise<void>> {
    const unlock = await lockFolder(this.path, lease);
    try {
      await removeTemporaryFiles(this.path, [`${this.plan.kind}.json`, `${this.plan.kind}.md`]);
      return unlock;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /**
   * Refuses data that are not those which the series was begun with.
   * @param data as the source has them
   * @throws UserError
   */
  requireData({ fingerprint }: Pick<DataSet, 'fingerprint'>): void {
    const { kind, options, data } = this.plan;
    if (fingerprint === data.fingerprint) return;
    throw new UserError(
      `--data ${options.data} is not what the ${kind} in ${this.path} were begun with: fingerprint ` +
        `${fingerprint}, theirs is ${data.fingerprint}`,
    );
  }

  /**
   * The summary of one of the runs, where it has finished.
   * @throws UserError where its folder holds a run of other options
   */
  async finished(member: Member): Promise<TrainSummary | undefined> {
    return finishedSummary(member, this.translate);
  }

  /** Reads what came of the runs, and writes it down. */
  async update(): Promise<SeriesSummary> {
    const { plan } = this;
    const found = await Promise.all(
      this.members.map(async member => {
        const summary = await this.finished(member);
        return summary ? [memberResult(basename(member.path), summary)] : [];
      }),
    );
    const runs = found.flat();
    const content = { ...plan, runs, statistics: statisticsOf(runs, plan.kind) };
    const file = join(this.path, plan.kind);
    await writeFileAtomic(`${file}.json`, `${JSON.stringify(content, null, 2)}\n`);
    await writeFileAtomic(`${file}.md`, seriesMarkdown(content));
    return content;
  }
}

/** @throws UserError where a new series would meet what is there */
export async function requireNoSeries(path: string): Promise<void> {
  if ((await kindOf(path)) === 'file') throw new UserError(`--out ${path} is a file; name a folder`);
  const kind = await seriesKindOf(path);
  if (kind !== undefined) {
    throw new UserError(
      `--out ${path} holds ${kind} already; continue them with --resume ${path}, or choose another folder`,
    );
  }
  if (await RunFolder.isBegun(path)) {
    throw new UserError(`--out ${path} holds a run; choose another folder for several`);
  }
}
