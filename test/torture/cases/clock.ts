import { join } from 'node:path';
import { readdir } from 'node:fs/promises';
import { parseEventFileName } from '../../../src/train/event-files.js';
import { RunFolder } from '../../../src/train/run.js';
import { eventsOf, lookThrough, plans, requireTakenUp, type Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** A run that is killed, and gone on with years ago, while the clock goes on jumping back. */
async function round(stand: Stand, { random, folder, index }: Round): Promise<Tally> {
  const plan = plans[index % plans.length]!;
  const out = join(folder, 'run');
  const running = stand.start(stand.training(plan, out), { fault: 'clock' });
  await running.printed('"event":"saved"', 1 + random.integer(12));
  running.process.kill('SIGKILL');
  await running.ended;
  const { newest } = await lookThrough(out);
  const [first] = (await readdir(out)).filter(parseEventFileName);
  const env = { FACEGRAD_FAULT_YEARS: String(1 + random.integer(30)) };
  const { code, stdout, stderr } = await stand.facegrad(await stand.goingOn(plan, out), { fault: 'clock', env });
  require(code === 0, 'lost', () => `the run ended with ${String(code)}:\n${stderr}`);
  requireTakenUp(stdout, newest);
  await stand.requireLikeWhole(plan, out);
  const seconds = (await (await RunFolder.open(out)).readMetrics()).map(row => row.seconds);
  require(seconds.every(one => one >= 0 && one < 600), 'different', () => `epochs took ${seconds.join(', ')} seconds`);
  // TensorBoard reads a run's files in the order of their names, which tell when they were begun.
  const events = (await readdir(out)).filter(parseEventFileName).sort();
  require(events[0] === first, 'different', () => `TensorBoard would read ${events.join(', ')} in the wrong order`);
  return { faults: 1, runs: 1, states: eventsOf(stdout).filter(({ event }) => event === 'saved').length };
}

export const clock: TortureCase = {
  name: 'clock',
  promise:
    'a clock that jumps back, by hours while a run trains and by years before it is gone on with, changes nothing',
  faults: 'runs',
  ...{ short: 1, long: 12 },
  round,
};
