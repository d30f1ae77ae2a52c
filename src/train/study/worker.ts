import { hostname } from 'node:os';
import { ownStart, startOf } from '../../util/processes.js';

/** How this process is called in a journal: `facegrad@host:pid:start`. The start tells it from a later process with the same number. */
export function workerId(): string {
  return `facegrad@${hostname()}:${process.pid}:${ownStart()}`;
}

export type WorkerState = 'alive' | 'dead' | 'unknown';

/** Whether the worker of that name still runs; unknown of other machines and other programs. */
export function workerState(id: string): WorkerState {
  const match = /^facegrad@(.+):(\d+):([\da-f]+-\d+)$/.exec(id);
  if (!match) return 'unknown';
  const [, host, pid, start] = match as unknown as [string, string, string, string];
  if (host !== hostname()) return 'unknown';
  return startOf(Number(pid)) === start ? 'alive' : 'dead';
}
