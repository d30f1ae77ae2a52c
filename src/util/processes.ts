import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** How a process is called where it claims something: a folder, a trial, a queue. */
export interface ProcessName {
  /**
   * The machine's name and, on Linux, an `@` and what tells apart those of one name: the number of the PID namespace, and a
   * digest of the machine's id. Versions that know no `@` take it for the name of another machine.
   */
  readonly host: string;
  readonly pid: number;
  /** When it began (`startOf`). */
  readonly start: string;
}

/** Whether a process still runs; unknown where it cannot be seen from here. */
export type ProcessState = 'alive' | 'dead' | 'unknown';

/** This process's own. */
export function ownName(): ProcessName {
  return { host: ownHost(), pid: process.pid, start: startOf(process.pid) ?? UNKNOWN };
}

/** The name of the machine, for people. */
export function machineOf({ host }: Pick<ProcessName, 'host'>): string {
  return partsOf(host).machine;
}

/**
 * What can be told of a process by its name. Where two may share all that is asked for, as containers and cloned machines share
 * a host's name, it is unknown: to take the living for dead costs a run, and the dead for living a message.
 * @param onOwnDisk whether the name was found where nobody but this machine can have written it
 */
export function stateOf({ host, pid, start }: ProcessName, { onOwnDisk = false } = {}): ProcessState {
  const own = partsOf(ownHost());
  const other = partsOf(host);
  if (other.machine !== own.machine) return 'unknown';
  const boot = ownBoot();
  if (bootOf(start) !== boot) {
    // The machine has been started anew since, unless it is another one: machines of one image have one name, some even one id.
    const isOwn = onOwnDisk && other.id !== undefined && other.id === own.id;
    return isOwn && boot !== NO_BOOT && bootOf(start) !== NO_BOOT ? 'dead' : 'unknown';
  }
  if (process.platform === 'linux' && (boot === NO_BOOT || other.namespace === undefined)) return 'unknown';
  // Numbers of processes mean something in one namespace only. Where its number is a later one's, all in it are gone.
  if (other.namespace !== own.namespace) return 'unknown';
  const now = startOf(pid);
  if (now === undefined) return 'dead';
  // It is there, and the system may hide when it began (hidepid).
  if (now === UNKNOWN || start === UNKNOWN) return 'alive';
  return now === start ? 'alive' : 'dead';
}

/** Of a system that does not tell its starts apart. */
const NO_BOOT = '0';
const UNKNOWN = `${NO_BOOT}-0`;

/**
 * When a process of this namespace began: the machine's own start, and clock ticks from then on. It tells a process from a
 * later one of the same number. Undefined where no such process runs; `0-0` where the system does not say when it began (only
 * Linux does).
 */
function startOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return isRunning(pid) ? UNKNOWN : undefined;
  const stat = textOf(`/proc/${pid}/stat`);
  const boot = ownBoot();
  if (stat === undefined || boot === NO_BOOT) return isRunning(pid) ? UNKNOWN : undefined;
  // The name of the program, in parentheses, may hold spaces; field 22 is the 20th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // Killed, and only not yet buried by its parent.
  if (fields[0] === 'Z') return undefined;
  return `${boot}-${fields[19]!}`;
}

function ownHost(): string {
  const namespace = process.platform === 'linux' ? namespaceOfProcesses() : undefined;
  return namespace === undefined ? hostname() : `${hostname()}@${namespace}-${ownId() ?? NO_ID}`;
}

/** Of a machine that has none, as most containers. */
const NO_ID = '0';

function partsOf(host: string): { machine: string; namespace?: string; id?: string | undefined } {
  const match = /^(.*)@(\d+)-([\da-f]+)$/.exec(host);
  if (!match) return { machine: host };
  const [, machine, namespace, id] = match as unknown as [string, string, string, string];
  return { machine, namespace, id: id === NO_ID ? undefined : id };
}

function bootOf(start: string): string {
  return start.slice(0, start.indexOf('-'));
}

function ownBoot(): string {
  if (process.platform !== 'linux') return NO_BOOT;
  return textOf('/proc/sys/kernel/random/boot_id')?.slice(0, 8) ?? NO_BOOT;
}

function namespaceOfProcesses(): string | undefined {
  try {
    return /^pid:\[(\d+)\]$/.exec(readlinkSync('/proc/self/ns/pid'))?.[1];
  } catch {
    return undefined;
  }
}

/** systemd asks that the id itself be shown to nobody else. */
function ownId(): string | undefined {
  const id = textOf('/etc/machine-id')?.trim();
  if (id === undefined || !/^[\da-f]{32}$/.test(id)) return undefined;
  return createHash('sha256').update(`facegrad ${id}`).digest('hex').slice(0, 8);
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there and somebody else's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
