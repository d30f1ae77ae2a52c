import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';

/**
 * How a process is called in a journal: `facegrad@host:pid:start`. The start tells it from a later process with the same
 * number, where the system says when a process began (Linux).
 */
export function workerId(pid = process.pid): string {
  return `facegrad@${hostname()}:${pid}:${startOf(pid) ?? ''}`;
}

export type WorkerState = 'alive' | 'dead' | 'unknown';

/** Whether the worker of that name still runs; unknown of other machines and other programs. */
export function workerState(id: string): WorkerState {
  const match = /^facegrad@(.+):(\d+):(\d*)$/.exec(id);
  if (!match) return 'unknown';
  const [, host, pid, start] = match as unknown as [string, string, string, string];
  if (host !== hostname()) return 'unknown';
  if (!exists(Number(pid))) return 'dead';
  const now = startOf(Number(pid));
  return start === '' || now === undefined || now === start ? 'alive' : 'dead';
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Clock ticks from the machine's start to the process's; `ended` for one that its parent has not buried yet. */
function startOf(pid: number): string | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The fields from the third; the second, a name in brackets, may hold blanks and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? 'ended' : fields[19];
}
