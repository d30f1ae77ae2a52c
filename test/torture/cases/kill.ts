import { comparePlaces } from '../../../src/train/position.js';
import type { Running } from '../../cli/facegrad.js';
import { eventsOf, hasBegun, lookThrough, plans, requireTakenUp, type Found, type Stand } from '../stand.js';
import { Broken, require, type Round, type Tally, type TortureCase } from '../torture.js';

/** Of all kills so far, in milliseconds: until a sitting begins to train, and between two states that it saves. */
const pace = { start: 500, save: 50 };

/**
 * A run from its beginning to its end through kills at random moments: in the process's start, and, for most, after some of
 * the states that it saves and a part of the time until the next, in which it computes and writes.
 */
async function round(stand: Stand, { random, folder, index, faultsLeft }: Round): Promise<Tally> {
  const plan = plans[index % plans.length]!;
  const out = `${folder}/run`;
  const tally = { faults: 0, runs: 1, sittings: 0, beforeBegin: 0, inStart: 0, whileWriting: 0 };
  let found: Found = { newest: undefined, temporary: 0 };
  for (;;) {
    const running = stand.start(await stand.goingOn(plan, out));
    tally.sittings++;
    const isIdle = tally.faults >= faultsLeft;
    const inStart = random.uniform() < 0.15;
    const states = random.integer(6);
    const part = random.uniform();
    if (!isIdle) void (inStart ? killAfter(running, part * pace.start) : killBetween(running, states, part));
    const { code, signal, stdout, stderr } = await running.ended;
    requireTakenUp(stdout, found.newest);
    if (signal !== 'SIGKILL') {
      require(code === 0, 'lost', () => `the run ended with ${String(code)}:\n${stderr}`);
      await stand.requireLikeWhole(plan, out);
      return tally;
    }
    tally.faults++;
    if (inStart) tally.inStart++;
    if (!(await hasBegun(out))) {
      tally.beforeBegin++;
      continue;
    }
    const before = found;
    found = await lookThrough(out);
    if (found.temporary > 0) tally.whileWriting++;
    requireNothingLost(before, found, stdout);
  }
}

/** That a run's newest state is no older than it was, and none that was told as saved is missing. */
function requireNothingLost({ newest: before }: Found, { newest: now }: Found, stdout: string): void {
  if (before)
    require(now !== undefined && comparePlaces(now, before) >= 0, 'lost', () => 'a state that was saved is gone');
  const told = eventsOf(stdout)
    .filter(({ event }) => event === 'epoch')
    .at(-1)?.epoch as number | undefined;
  if (told === undefined) return;
  require(now !== undefined && now.epochs >= told, 'lost', () => `epoch ${told} was told, and its state is not there`);
}

async function killAfter(running: Running, milliseconds: number): Promise<void> {
  await new Promise(resolve => setTimeout(resolve, milliseconds));
  running.process.kill('SIGKILL');
}

/** Kills a sitting after it has saved so many states, and that part of twice the time that it takes to the next. */
async function killBetween(running: Running, states: number, part: number): Promise<void> {
  const begun = performance.now();
  const seen = (event: string, count: number) => running.printed(`"event":"${event}"`, count);
  try {
    await seen('start', 1);
    const started = performance.now();
    pace.start += (started - begun - pace.start) / 8;
    if (states > 0) {
      await seen('saved', states);
      pace.save += ((performance.now() - started) / states - pace.save) / 8;
    }
    await killAfter(running, 2 * part * pace.save);
  } catch (error) {
    // It came to its end before.
    if (error instanceof Broken) throw error;
  }
}

export const kill: TortureCase = {
  name: 'kill',
  promise:
    'a run that is killed with kill -9 at any moment goes on from the newest state that it had saved, ends with the bits of ' +
    'one that was never stopped, and leaves no temporary file',
  faults: 'kills',
  ...{ short: 20, long: 1000 },
  round,
};
