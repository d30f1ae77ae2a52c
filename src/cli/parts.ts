import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { exitCodes } from './errors.js';
import type { Interruption } from './signals.js';

/** Set in processes that a command has started as parts of itself. Others may have a channel, too: that of whoever runs commands. */
const PART = 'FACEGRAD_PART';

/** Starts this program once more as a part of this command; by a channel it knows when this process is gone. */
export function startPart(
  args: readonly string[],
  [stdout, stderr]: readonly ['inherit' | 'pipe', 'inherit' | 'pipe'],
  environment: NodeJS.ProcessEnv = {},
): ChildProcess {
  const stdio: StdioOptions = ['ignore', stdout, stderr, 'ipc'];
  const env = { ...process.env, [PART]: '1', ...environment };
  return spawn(process.execPath, [process.argv[1]!, ...args], { stdio, env });
}

/** Waits for parts to end; the signal that stops this process is handed on to them meanwhile. */
export async function stoppingParts<T>(
  parts: readonly ChildProcess[],
  interruption: Pick<Interruption, 'signal' | 'received'>,
  ends: Promise<T>,
): Promise<T> {
  const { signal } = interruption;
  // A terminal and systemd tell them themselves; somebody who ends this process alone does not.
  const stop = () => {
    for (const part of parts) part.kill(interruption.received);
  };
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    return await ends;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Whether a part ended with this exit code because it was told to. */
export function isInterruption(code: number): boolean {
  return Object.values<number>(exitCodes.interrupted).includes(code);
}

/** Aborted when the process is gone that has started this one as a part of itself; never where none has. */
export function stopWithParent(): AbortSignal {
  const controller = new AbortController();
  if (process.env[PART] === undefined || !process.send) return controller.signal;
  // It may have gone already.
  if (!process.connected) controller.abort();
  process.once('disconnect', () => {
    controller.abort();
  });
  // The channel keeps nobody waiting.
  process.channel?.unref();
  return controller.signal;
}
