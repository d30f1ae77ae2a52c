import { Console } from 'node:console';
import { Writable } from 'node:stream';
import type { Command } from 'commander';

// Compiled, since commands start workers, which need compiled JavaScript.
const { createProgram, runCommandLine } = (await import(
  new URL('../../dist/cli/program.js', import.meta.url).href
)) as typeof import('../../src/cli/program.js');

export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command line in this process, which saves the start of one. `watched`: both streams pass for terminals, in whose
 * environment nothing stands against a line that is redrawn. `until`: what standard output has to hold before the command is
 * told of a Ctrl-C.
 */
export async function runHere(
  args: readonly string[],
  {
    watched = false,
    env = {},
    until,
  }: { watched?: boolean; env?: Readonly<Record<string, string | undefined>>; until?: RegExp | undefined } = {},
): Promise<Printed> {
  const written = { stdout: '', stderr: '' };
  const before = { console: globalThis.console, env: { ...process.env }, interrupts: process.listeners('SIGINT') };
  const interrupt = () => {
    if (!until?.test(written.stdout)) return;
    // Not those of whoever runs the tests.
    const own = process.listeners('SIGINT').filter(listener => !before.interrupts.includes(listener));
    for (const listener of own) listener('SIGINT');
    until = undefined;
  };
  const restore: (() => void)[] = [];
  for (const name of ['stdout', 'stderr'] as const) {
    const stream = process[name];
    const own = { write: Object.getOwnPropertyDescriptor(stream, 'write'), tty: stream.isTTY, columns: stream.columns };
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
      written[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      const done = rest.find(one => typeof one === 'function') as (() => void) | undefined;
      done?.();
      return true;
    };
    Object.assign(stream, { isTTY: watched, columns: 80 });
    restore.push(() => {
      if (own.write) Object.defineProperty(stream, 'write', own.write);
      else delete (stream as Partial<typeof stream>).write;
      Object.assign(stream, { isTTY: own.tty, columns: own.columns });
    });
  }
  const sink = (name: 'stdout' | 'stderr') =>
    new Writable({
      decodeStrings: false,
      write(chunk: string, _encoding, done) {
        written[name] += chunk;
        done();
        setImmediate(interrupt);
      },
    });
  globalThis.console = new Console({ stdout: sink('stdout'), stderr: sink('stderr') });
  const environment = { ...(watched ? { CI: undefined, TERM: 'xterm-256color' } : {}), ...env };
  for (const [name, value] of Object.entries(environment)) {
    if (value === undefined) Reflect.deleteProperty(process.env, name);
    else process.env[name] = value;
  }
  try {
    const code = await runCommandLine(['node', 'facegrad', ...args]);
    return { code, ...written };
  } finally {
    globalThis.console = before.console;
    for (const name of Object.keys(environment)) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, before.env);
    for (const undo of restore) undo();
  }
}

/** Every command that does something, by its name in full, such as `data info`. */
export function allCommands(): Map<string, Command> {
  const found = new Map<string, Command>();
  const visit = (command: Command, path: readonly string[]) => {
    for (const child of command.commands) {
      const own = [...path, child.name()];
      // `data` alone only shows its help.
      if ('_actionHandler' in child && child._actionHandler) found.set(own.join(' '), child);
      visit(child, own);
    }
  };
  visit(
    createProgram(() => undefined),
    [],
  );
  return found;
}
