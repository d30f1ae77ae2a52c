import type { ChildProcess } from 'node:child_process';
import type { Slot } from '../../queue/index.js';
import { UserError } from '../../util/errors.js';
import { exitCodes } from '../errors.js';
import type { GpuOptions } from '../options.js';
import { isInterruption, startPart, stoppingParts } from '../parts.js';
import type { Interruption } from '../signals.js';
import { QUEUE_VARIABLE, type QueueFlags } from './options.js';

interface ProcessFlags extends GpuOptions, QueueFlags {
  readonly dataRoot?: string[];
  readonly lease: number;
  readonly json?: true;
}

/**
 * Runs a worker in several processes, each of which is this command on one adapter, until all of them have ended.
 * @throws where one ends with a fault; the others are let go on first
 */
export async function runProcesses(
  slots: readonly Slot[],
  flags: ProcessFlags,
  interruption: Pick<Interruption, 'signal' | 'received'>,
): Promise<void> {
  // They print for themselves.
  const children = slots.map(slot =>
    startPart(argumentsOf(slot, flags), ['inherit', 'inherit'], { ...slot.env, ...urlOf(flags) }),
  );
  const codes = await stoppingParts(children, interruption, Promise.all(children.map(codeOf)));
  const faults = codes.filter(code => code !== 0 && !isInterruption(code));
  if (faults.length === 0 || interruption.signal.aborted) return;
  const text = `${faults.length} of ${codes.length} processes ended with a fault, which is told above`;
  throw faults.includes(exitCodes.failure) ? new Error(text) : new UserError(text);
}

function codeOf(child: ChildProcess): Promise<number> {
  return new Promise(resolve => {
    child
      .on('error', error => {
        console.error(`facegrad: a process cannot be started: ${error.message}`);
        resolve(exitCodes.failure);
      })
      .on('close', (code, killed) => {
        if (killed !== null && !child.killed)
          console.error(`facegrad: process ${child.pid ?? ''} was ended by ${killed}`);
        resolve(code ?? exitCodes.failure);
      });
  });
}

/** The command line of one process; the URL goes by the environment, where no list of processes shows it. */
function argumentsOf(
  { adapter, backend }: Slot,
  { store, queueCa, dataRoot = [], lease, json }: ProcessFlags,
): string[] {
  const given = Object.entries({ store, 'queue-ca': queueCa, lease, adapter: adapter ?? 'high-performance', backend });
  return [
    'worker',
    ...given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)])),
    ...dataRoot.flatMap(folder => ['--data-root', folder]),
    ...(json ? ['--json'] : []),
  ];
}

function urlOf({ queue }: QueueFlags): Record<string, string> {
  return typeof queue === 'string' ? { [QUEUE_VARIABLE]: queue } : {};
}
