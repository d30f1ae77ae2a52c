import { isTaken } from '../run-lock.js';
import type { RunConfig } from '../run.js';
import type { EpochRow, TrainSummary } from '../types.js';

/**
 * - `finished`: all epochs are done, or early stopping ended the run
 * - `running`: a process has locked its folder
 * - `interrupted`: stopped and saved
 * - `killed`: it ended in another way; what it last saved can be resumed
 * - `damaged`: a file of it cannot be read
 */
export type RunState = 'finished' | 'running' | 'interrupted' | 'killed' | 'damaged';

/** State of a run whose files could be read. */
export async function stateOf(run: {
  readonly path: string;
  readonly config: RunConfig;
  readonly history: readonly EpochRow[];
  readonly summary: TrainSummary | undefined;
}): Promise<RunState> {
  const { path, config, history, summary } = run;
  const ended = summary !== undefined && !summary.interrupted;
  if (ended && (summary.stoppedEarly || summary.epochs >= config.options.epochs)) return 'finished';
  if (await isTaken(path)) return 'running';
  // The summary may be that of a sitting before the last.
  return summary?.interrupted && history.length <= summary.epochs ? 'interrupted' : 'killed';
}
