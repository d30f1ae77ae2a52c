import { hostname } from 'node:os';

/** `events.out.tfevents.<seconds since 1970>.<host>.<process>.facegrad`: TensorBoard reads the files of a folder in order of their names. */
const pattern = /^events\.out\.tfevents\.(\d{10})\.(.*)\.(\d+)\.facegrad$/;

/** What the name of an event file says. */
export interface EventFileName {
  /** When it was begun, in seconds since 1970. */
  readonly seconds: number;
  readonly host: string;
  readonly process: number;
}

/** What the name says, or undefined where it is not that of an event file of facegrad's. */
export function parseEventFileName(name: string): EventFileName | undefined {
  const match = pattern.exec(name);
  return match ? { seconds: Number(match[1]), host: match[2]!, process: Number(match[3]) } : undefined;
}

/** The name of a new file among those that are `present`: after all of them, also where the last was begun this very second. */
export function newEventFileName(present: readonly string[], now = Date.now()): string {
  const times = present.map(name => parseEventFileName(name)?.seconds ?? 0);
  const seconds = Math.max(Math.floor(now / 1000), ...times.map(time => time + 1));
  return `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.facegrad`;
}
