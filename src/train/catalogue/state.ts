import { readdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { parseEventFileName } from '../event-files.js';
import type { RunConfig } from '../run.js';
import type { EpochRow, TrainSummary } from '../types.js';

/**
 * - `finished`: all epochs are done, or early stopping ended the run
 * - `interrupted`: stopped and saved
 * - `running`: as it seems; nothing is locked
 * - `killed`: it ended in another way; what it last saved can be resumed
 * - `damaged`: a file of it cannot be read
 */
export type RunState = 'finished' | 'interrupted' | 'running' | 'killed' | 'damaged';

/** Seconds without a sign of life after which a run is taken for dead, whatever its epochs take. */
const PATIENCE = 120;

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
  if (await seemsAlive(path, history)) return 'running';
  return summary?.interrupted && history.length <= summary.epochs ? 'interrupted' : 'killed';
}

/**
 * Whether a sitting seems to be under way: files have changed since the last one that ended, and lately, where "lately" allows
 * for epochs as long as the longest so far; and the process that wrote the newest events is there. Of a run without events,
 * or on another machine, the files alone tell.
 */
async function seemsAlive(path: string, history: readonly EpochRow[]): Promise<boolean> {
  const files = await readdir(path);
  const events = files.filter(parseEventFileName).sort().at(-1);
  const writer = events === undefined ? undefined : parseEventFileName(events);
  if (writer?.host === hostname() && !isThere(writer.process)) return false;
  const latest = async (...names: (string | undefined)[]) => {
    const present = names.filter(name => name !== undefined).filter(name => files.includes(name));
    return Math.max(0, ...(await Promise.all(present.map(async name => (await stat(join(path, name))).mtimeMs))));
  };
  const changed = await latest('config.json', 'metrics.csv', 'last.safetensors', events);
  if (changed <= (await latest('summary.json'))) return false;
  const longest = Math.max(0, ...history.map(({ seconds }) => seconds));
  return Date.now() - changed < 1000 * Math.max(PATIENCE, 3 * longest);
}

function isThere(process_: number): boolean {
  try {
    process.kill(process_, 0);
    return true;
  } catch (error) {
    // Another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
