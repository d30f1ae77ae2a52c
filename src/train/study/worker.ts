import { ownName, stateOf, type ProcessState } from '../../util/processes.js';

/** How this process is called in a journal: `facegrad@host:pid:start`. The start tells it from a later process with the same number. */
export function workerId(): string {
  const { host, pid, start } = ownName();
  return `facegrad@${host}:${pid}:${start}`;
}

/**
 * Whether the worker of that name still runs; unknown of other machines and other programs.
 * @param where the journal lies (`stateOf`)
 */
export function workerState(id: string, where?: { readonly onOwnDisk: boolean }): ProcessState {
  const match = /^facegrad@(.+):(\d+):([\da-f]+-\d+)$/.exec(id);
  if (!match) return 'unknown';
  const [, host, pid, start] = match as unknown as [string, string, string, string];
  return stateOf({ host, pid: Number(pid), start }, where);
}
