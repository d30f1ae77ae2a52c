import { join } from 'node:path';
import { lookThrough, plans, requireTakenUp, type Found, type Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** Batches of commands that a sitting may hand over before its device is lost. */
const MOST_BATCHES = 120;

/** A run whose device is lost once, and once more after it was gone on with. */
async function round(stand: Stand, { random, folder, index, faultsLeft }: Round): Promise<Tally> {
  const plan = plans[index % plans.length]!;
  const out = join(folder, 'run');
  const tally = { faults: 0, runs: 1 };
  let found: Found = { newest: undefined, temporary: 0 };
  while (tally.faults < Math.min(2, faultsLeft)) {
    const env = { FACEGRAD_FAULT_AT: String(1 + random.integer(MOST_BATCHES)) };
    const command = await stand.goingOn(plan, out);
    const { code, stdout, stderr } = await stand.facegrad(command, { fault: 'device', env });
    requireTakenUp(stdout, found.newest);
    if (code === 0) break;
    tally.faults++;
    require(code === 1, 'unsaid', () => `a lost device ended the process with ${String(code)}:\n${stderr}`);
    const told = `the GPU device was lost`;
    require(stderr.includes(told), 'unsaid', () => `standard error does not say that the device was lost:\n${stderr}`);
    found = await lookThrough(out);
    require(found.temporary === 0, 'untidy', () => 'temporary files lie about after the device was lost');
    const advice = `go on with: facegrad train --resume ${out}`;
    require(stderr.includes(advice), 'unsaid', () => `standard error does not say how to go on:\n${stderr}`);
  }
  if (tally.faults > 0) await stand.finish(plan, out);
  await stand.requireLikeWhole(plan, out);
  return tally;
}

export const device: TortureCase = {
  name: 'device',
  promise:
    'a device that is lost in the midst of a step ends the run with a message that says how to go on, and it goes on to the ' +
    'same bits on another',
  faults: 'lost devices',
  ...{ short: 2, long: 40 },
  round,
};
