import { join } from 'node:path';
import type { Running } from '../../cli/facegrad.js';
import { lookThrough, plans, requireTakenUp, requireTidy, type Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** Processes that want to go on with a run at the same moment. */
const RIVALS = 3;

/** A second process in a run's folder while a first one trains, and several at once after that one was killed. */
async function round(stand: Stand, { random, folder, index }: Round): Promise<Tally> {
  const plan = { ...plans[index % plans.length]!, epochs: 2000 };
  const out = join(folder, 'run');
  const first = stand.start(stand.training(plan, out));
  await first.printed('"event":"saved"', 1 + random.integer(6));
  const resume = ['train', '--resume', out, '--json'];
  const second = await stand.facegrad(resume);
  require(second.code === 2, 'unsaid', () => `a second process ended with ${String(second.code)}:\n${second.stderr}`);
  const said = `is in use: process ${first.process.pid!} trains in it`;
  require(second.stderr.includes(said), 'unsaid', () => `the second process was told:\n${second.stderr}`);
  first.process.kill('SIGKILL');
  await first.ended;

  const { newest } = await lookThrough(out);
  const rivals = Array.from({ length: RIVALS }, () => stand.start(resume));
  let winners = await trainingOf(rivals);
  require(winners.length <= 1, 'lost', () => `${winners.length} processes train in the same folder`);
  for (const rival of rivals) {
    if (winners.includes(rival)) continue;
    const { code, stderr } = await rival.ended;
    const refused = code === 2 && stderr.includes('is in use');
    require(refused, 'unsaid', () => `a rival ended with ${String(code)}:\n${stderr}`);
  }
  // Those that begin at the very same moment may see one another and all give way; the next one does not.
  const yielded = winners.length === 0;
  if (yielded) winners = await trainingOf([stand.start(resume)]);
  const [winner] = winners;
  require(winner !== undefined, 'lost', () => 'no process can go on with the run');
  winner.process.kill('SIGTERM');
  const { code, stdout, stderr } = await winner.ended;
  require(code === 143, 'unsaid', () => `the process that was to stop ended with ${String(code)}:\n${stderr}`);
  requireTakenUp(stdout, newest);
  await requireTidy(out);
  return { faults: RIVALS, yielded: yielded ? 1 : 0 };
}

/** Those of some processes that come to save a state, where all others have ended. */
async function trainingOf(processes: readonly Running[]): Promise<Running[]> {
  const train = (one: Running) =>
    one.printed('"event":"saved"').then(
      () => [one],
      () => [],
    );
  return (await Promise.all(processes.map(train))).flat();
}

export const twoProcesses: TortureCase = {
  name: 'two-processes',
  promise:
    'only one process at a time trains in a run folder; others are refused with its number, and a dead one hinders none',
  faults: 'rivals',
  ...{ short: 3, long: 60 },
  round,
};
