import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { UserError } from '../../util/errors.js';
import type { StudyEvents, TrialEvent } from '../report/study.js';
import type { TuneFlags } from './flags.js';
import { exitCodes } from '../errors.js';
import { isInterruption, startPart, stoppingParts } from '../parts.js';
import type { Interruption } from '../signals.js';

/**
 * Runs the study in several processes, each of which is this command with one worker, and tells what they tell.
 * @throws where a process ends with a fault or cannot be started; the others are let go on first
 */
export async function runWorkers(
  flags: TuneFlags,
  out: string,
  reporter: StudyEvents,
  interruption: Pick<Interruption, 'signal' | 'received'>,
): Promise<void> {
  const children = Array.from({ length: flags.workers }, () => startPart(argumentsOf(flags, out), ['pipe', 'pipe']));
  const ends = Promise.all(children.map(child => follow(child, reporter)));
  const outcomes = await stoppingParts(children, interruption, ends);
  const bad = outcomes.find(({ code }) => code !== 0 && code !== null && !isInterruption(code));
  if (bad?.code === exitCodes.usage) throw new UserError(bad.error);
  const ended = bad ?? (interruption.signal.aborted ? undefined : outcomes.find(({ killed }) => killed !== null));
  if (ended)
    throw new Error(ended.error || `a worker was ended by ${ended.killed ?? 'a fault'}; the same command goes on`);
}

interface Outcome {
  code: number | null;
  killed: NodeJS.Signals | null;
  error: string;
}

async function follow(child: ChildProcess, reporter: StudyEvents): Promise<Outcome> {
  createInterface({ input: child.stdout! }).on('line', line => {
    const event = JSON.parse(line) as TrialEvent | { event: 'study' };
    if (event.event !== 'study') reporter.tell(event);
  });
  let error = '';
  createInterface({ input: child.stderr! }).on('line', line => {
    const fault = /^facegrad: (.*)/.exec(line);
    if (fault) error = fault[1]!;
    else if (!/^\(FACEGRAD_DEBUG|^stopping after/.test(line)) reporter.note(line);
  });
  return new Promise(resolve => {
    child
      .on('error', ({ message }) => {
        resolve({ code: exitCodes.failure, killed: null, error: `a worker cannot be started: ${message}` });
      })
      .on('close', (code, killed) => {
        resolve({ code, killed, error });
      });
  });
}

/** The command line of one worker. */
function argumentsOf({ set = [], takeOver, ...flags }: TuneFlags, out: string): string[] {
  const { study, data, storage, trials, epochs, limit, adapter, backend } = flags;
  const given = Object.entries({ study, data, out, storage, trials, epochs, limit, adapter, backend });
  const options = given.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
  return ['tune', ...options, ...set.flatMap(one => ['--set', one]), ...(takeOver ? ['--take-over'] : []), '--json'];
}
