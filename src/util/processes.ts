import { readFileSync } from 'node:fs';

/**
 * When a process of this machine began: the machine's own start, and clock ticks from then on. It tells a process from a later
 * one of the same number. Undefined where no such process runs; `0-0` where the system does not say when it began (only Linux
 * does).
 */
export function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return isRunning(pid) ? UNKNOWN : undefined;
  try {
    // The name of the program, in parentheses, may hold spaces; field 22 is the 20th after it.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // Killed, and only not yet buried by its parent.
    if (fields[0] === 'Z') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').slice(0, 8);
    return `${boot}-${fields[19]!}`;
  } catch {
    return isRunning(pid) ? UNKNOWN : undefined;
  }
}

/** How this process's start is written where it claims something. */
export function ownStart(): string {
  return startOf(process.pid) ?? UNKNOWN;
}

const UNKNOWN = '0-0';

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
