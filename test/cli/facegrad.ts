import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The built command line; `npm test` builds it first. */
export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  process: ChildProcess;
  /** What it has printed so far. */
  outcome: Readonly<Outcome>;
  /** Resolves when standard output has come to contain `text` so many times; rejects when the process ends before. */
  printed(text: string, times?: number): Promise<void>;
  ended: Promise<Outcome>;
}

export interface StartOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** A command that runs what is given to it, such as `setpriv`, with its own options. */
  readonly under?: readonly string[];
}

/** Starts `facegrad` as its users do, as a process of its own. */
export function start(args: readonly string[], { cwd, env, under = [] }: StartOptions = {}): Running {
  const [program, ...rest] = [...under, process.execPath, main, ...args];
  const child = spawn(program!, rest, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome: Outcome = { code: null, signal: null, stdout: '', stderr: '' };
  const watchers = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    outcome.stdout += text;
    for (const check of watchers) check();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    outcome.stderr += text;
  });
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      resolve(Object.assign(outcome, { code, signal }));
    });
  });
  const printed = (text: string, times = 1) =>
    new Promise<void>((resolve, reject) => {
      const check = () => {
        if (outcome.stdout.split(text).length <= times) return;
        watchers.delete(check);
        resolve();
      };
      watchers.add(check);
      check();
      void ended.then(({ code, stderr }) => {
        reject(new Error(`facegrad ended with ${String(code)} before it printed ${text}\n${stderr}`));
      });
    });
  return { process: child, outcome, printed, ended };
}

/** Runs `facegrad` to its end. */
export function facegrad(args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
  return start(args, options).ended;
}

/** Standard output as lines of JSON. */
export function jsonLines(stdout: string): Record<string, unknown>[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
}
