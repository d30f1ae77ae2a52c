import { CommanderError } from 'commander';
import { UserError } from '../util/errors.js';

/** What the process ends with. */
export const exitCodes = {
  success: 0,
  /** A fault of the program or of the machine. */
  failure: 1,
  /** A fault in what the user gave. */
  usage: 2,
  /** All is done but for what could not be read, which is told. */
  incomplete: 3,
  interrupted: { SIGINT: 130, SIGTERM: 143 },
} as const;

/** Prints what was thrown, as its kind asks for, and gives the exit code. Commander has printed its own already. */
export function reportError(error: unknown, write: (text: string) => void): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
  const debug = process.env.FACEGRAD_DEBUG === '1';
  const isError = error instanceof Error;
  const message = isError ? error.message || error.name : String(error);
  write(`facegrad: ${message}\n`);
  const isUsers = error instanceof UserError;
  if (isError && debug) write(`${describeStack(error)}\n`);
  else if (!isUsers) write('(FACEGRAD_DEBUG=1 shows where this comes from; `facegrad doctor` checks the GPU)\n');
  return isUsers ? exitCodes.usage : exitCodes.failure;
}

function describeStack(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${describeStack(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}
