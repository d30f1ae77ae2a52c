import type { Command } from 'commander';
import { exitCodes } from './errors.js';

type Name = 'stdout' | 'stderr';

const words = { stdout: 'standard output', stderr: 'standard error' } as const;

/** Commands whose result is what they print: without a reader they have nothing left to do. */
const printing: ReadonlySet<string> = new Set([
  ...['bench', 'completion', 'data cache', 'data info', 'doctor', 'eval', 'kernels', 'kernels check', 'kernels course'],
  ...['kernels run', 'kernels show', 'models', 'predict', 'profile', 'recipes', 'runs', 'runs compare', 'runs show'],
  ...['tune best', 'tune list'],
]);

/** Options with which these leave files, too. */
const filing = ['clear', 'gradCam', 'out', 'trace'] as const;

/** The command that runs, once it does; of the whole process, as its streams are. */
let command: Command | undefined;

/** Streams that could not be written: what goes to them is dropped. */
const lost = new Set<Name>();

/**
 * Sees to it that a stream which can no longer be written (its reader is gone, or its terminal; its disk is full) never takes
 * with it what a command does beside printing: that goes on to its end without the stream. Where printing is all,
 * `facegrad models | head -1` leaves as other tools do; for other reasons the exit code is 1.
 */
export function outliveStreams(): void {
  for (const name of ['stdout', 'stderr'] as const) {
    const listener = listeners[name];
    // Command lines that run in one process share its streams.
    process[name].off('error', listener).on('error', listener);
  }
}

/** Says what is done from now on, which decides what becomes of it without its streams. */
export function streamsServe(running: Command): void {
  command = running;
}

const listeners = {
  stdout: (error: NodeJS.ErrnoException) => {
    lose('stdout', error);
  },
  stderr: (error: NodeJS.ErrnoException) => {
    lose('stderr', error);
  },
};

function lose(name: Name, error: NodeJS.ErrnoException): void {
  // Of writes that were under way.
  if (lost.has(name)) return;
  lost.add(name);
  silence(process[name]);
  const reason = error.code ?? error.message;
  const goesOn = leavesFiles(command);
  if (name === 'stderr') {
    // What programs read holds no words.
    const { json, csv } = command?.opts() ?? {};
    if (goesOn && !json && !csv)
      tell('stdout', `${words[name]} cannot be written (${reason}): the run goes on without it`);
  } else if (goesOn) {
    tell('stderr', `${words[name]} cannot be written (${reason}): the run goes on without it`);
  } else if (error.code === 'EPIPE') {
    process.exit(exitCodes.success);
  } else {
    tell('stderr', `${words[name]} cannot be written: ${error.message}`);
    process.exit(exitCodes.failure);
  }
}

/** Commands that are not known here leave files: going on does less harm than losing work. */
function leavesFiles(running: Command | undefined): boolean {
  if (!running) return false;
  if (!printing.has(nameOf(running))) return true;
  const given = running.opts<Record<string, unknown>>();
  return filing.some(option => given[option] !== undefined) || typeof given['json'] === 'string';
}

/** Such as `data info`. */
function nameOf(one: Command): string {
  const { parent } = one;
  return parent?.parent ? `${nameOf(parent)} ${one.name()}` : one.name();
}

function tell(name: Name, text: string): void {
  if (!lost.has(name)) process[name].write(`facegrad: ${text}\n`);
}

/** Makes a stream drop what is written to it: console, progress bars and status lines all come by `write`. */
function silence(stream: NodeJS.WriteStream): void {
  stream.write = (_: Uint8Array | string, ...rest: unknown[]) => {
    const done = rest.find(one => typeof one === 'function');
    if (done) process.nextTick(done);
    return true;
  };
  // Whoever waits until there is room again need not.
  stream.emit('drain');
}
