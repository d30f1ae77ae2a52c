import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { bestRow } from '../progress.js';
import { RunFolder, type RunConfig } from '../run.js';
import type { EpochRow, TrainSummary } from '../types.js';
import { stateOf, type RunState } from './state.js';

/** What is known of a run from its folder. */
export interface RunEntry {
  /** As it was found, for `--resume` and `--run`. */
  readonly path: string;
  readonly config: RunConfig;
  readonly history: readonly EpochRow[];
  /** The finished epoch of the highest validation accuracy. */
  readonly best: EpochRow | undefined;
  /** What the last sitting that ended has left. */
  readonly summary: TrainSummary | undefined;
  readonly state: RunState;
  /** What is wrong with the run's files, where its state is `damaged`. */
  readonly fault?: string;
}

/**
 * Reads what the small files of a run say; weights are left alone. A damaged `metrics.csv` or `summary.json` gives a damaged
 * entry with what is left.
 * @throws UserError where there is no run or its `config.json` is damaged
 */
export async function readRun(path: string): Promise<RunEntry> {
  const run = await RunFolder.open(path);
  const { history, summary, problems } = await run.past();
  const known = { path, config: run.config, history, best: bestRow(history), summary };
  if (problems.length > 0) return { ...known, state: 'damaged', fault: problems.join('\n') };
  return { ...known, state: await stateOf(known) };
}

/** The files in a run's folder and below it, and their bytes. */
export async function filesOf(path: string): Promise<{ name: string; size: number }[]> {
  const names = (await readdir(path, { recursive: true })).sort();
  const found = await Promise.all(
    names.map(async name => {
      // Of a run under way some are gone by now.
      const stats = await stat(join(path, name)).catch(() => undefined);
      return stats?.isFile() ? [{ name, size: stats.size }] : [];
    }),
  );
  return found.flat();
}
