import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readPlace } from '../../../src/train/checkpoint.js';
import { comparePlaces, type Place } from '../../../src/train/position.js';
import { DamagedFile, readTensorFile } from '../../../src/train/tensor-file.js';
import { UserError } from '../../../src/util/errors.js';
import type { RandomStream } from '../../../src/util/random.js';
import { damage } from '../damage.js';
import { beginBare, copyOfSmall, requireLikeSmall, resumeSmall } from '../small.js';
import { contentsOf, filesOf, requireTidy, type Stand } from '../stand.js';
import { Broken, require, type Round, type Tally, type TortureCase } from '../torture.js';

/** Of a run that is stopped before its end, of twelve. */
const MOST_STEPS = 11;

interface State {
  /** Its path in the run's folder. */
  readonly name: string;
  readonly place: Place;
  damaged: boolean;
}

/** A run some of whose states, and perhaps its best weights, are damaged before it is gone on with. */
async function round(stand: Stand, { random, folder, index }: Round): Promise<Tally> {
  const bare = index % 3 === 1;
  const [path, states] = bare ? await bareRun(folder, random) : await copiedRun(stand, folder, random);
  const tally = { faults: 0, bare: bare ? 1 : 0, refused: 0, best: 0 };
  for (const state of states) {
    // The newer ones more often: older ones are not even looked at.
    if (random.uniform() > 0.6) continue;
    await damageFile(join(path, state.name), random);
    state.damaged = true;
    tally.faults++;
  }
  const best = random.uniform() < 0.3 && (await filesOf(path)).includes('best.safetensors');
  if (best) {
    await damageFile(join(path, 'best.safetensors'), random);
    tally.faults++;
    tally.best++;
  }
  if (tally.faults === 0) return tally;

  const whole = states.findLast(({ damaged }) => !damaged);
  const before = await contentsOf(path);
  try {
    const { started, notes } = await resumeSmall(folder, { bare });
    require(whole !== undefined, 'unsaid', () => 'the run was gone on with, though all its states are damaged');
    const place = { epochs: started!.resumedFrom!, step: started!.resumedStep! };
    const expected = { epochs: whole.place.epochs, step: whole.place.step };
    require(comparePlaces(place, expected) === 0, 'lost', () => {
      return `the run went on from ${JSON.stringify(place)}, not from ${whole.name}, its newest state that is whole`;
    });
    const said = notes.join('\n');
    const passed = states.slice(states.indexOf(whole) + 1);
    const unsaid = passed.filter(({ name }) => !said.includes(`${name} is damaged`));
    require(unsaid.length === 0, 'unsaid', () => `of ${unsaid.map(({ name }) => name).join()} nothing was said`);
    // Before the first epoch's end a run knows of no best weights, and asks for none.
    const bestSaid = !best || whole.place.epochs === 0 || said.includes('best.safetensors is damaged');
    require(bestSaid, 'unsaid', () => `of best.safetensors nothing was said: ${said}`);
  } catch (error) {
    if (error instanceof Broken || !(error instanceof UserError)) throw error;
    // Nothing to go on from, or a run at its end whose best weights are gone: its folder is as it was.
    const isEnd = best && whole?.place.epochs === 3;
    require(whole === undefined || isEnd, 'lost', () => `the run was refused: ${error.message}`);
    const why = whole === undefined ? 'damaged, and' : 'has lost its best weights, of epoch';
    require(error.message.includes(why), 'unsaid', () => `the run was refused by another reason: ${error.message}`);
    require((await contentsOf(path)) === before, 'untidy', () => 'a run that was refused was changed');
    return { ...tally, refused: 1 };
  }
  // Best weights that are lost are chosen anew among the epochs that follow, unless they are those of the state itself.
  await requireLikeSmall(stand, path, best ? ['last.safetensors'] : ['last.safetensors', 'best.safetensors']);
  await readTensorFile(join(path, 'best.safetensors'));
  await requireTidy(path);
  return tally;
}

/** A run that saves states beside its last one, as if it had been killed somewhere: what it saved after that is not there. */
async function copiedRun(stand: Stand, folder: string, random: RandomStream): Promise<[string, State[]]> {
  const path = await copyOfSmall(stand, folder);
  const states = await statesOf(path);
  for (let newest = random.integer(states.length); newest > 0; newest--) await rm(join(path, states.pop()!.name));
  return [path, states];
}

/** A run with the defaults, which keeps the state before its last one once it has saved two. */
async function bareRun(folder: string, random: RandomStream): Promise<[string, State[]]> {
  const path = await beginBare(folder, 1 + random.integer(MOST_STEPS));
  const states = await statesOf(path);
  const { epochs, step } = states.at(-1)!.place;
  const saved = epochs + (step > 0 ? 1 : 0);
  require(states.length === Math.min(2, saved), 'lost', () =>
    `of ${saved} states that it saved the run keeps ${states.map(({ name }) => name).join()}`);
  return [path, states];
}

/** The states of a run, the oldest first; of two at the same place `last.safetensors` is the newer. */
async function statesOf(path: string): Promise<State[]> {
  const isState = (name: string) => name.endsWith('.safetensors') && name !== 'best.safetensors';
  const names = (await filesOf(path)).filter(isState).sort((a, b) => rankOf(a) - rankOf(b));
  const states = names.map(async name => ({ name, place: await readPlace(join(path, name)), damaged: false }));
  return (await Promise.all(states)).sort((a, b) => comparePlaces(a.place, b.place));
}

const rankOf = (name: string) => (name === 'last.safetensors' ? 1 : 0);

/** @throws Broken where the damage is not found */
async function damageFile(file: string, random: RandomStream): Promise<void> {
  const how = await damage(file, random);
  const found = await readTensorFile(file).then(
    () => false,
    (error: unknown) => error instanceof DamagedFile,
  );
  require(found, 'unsaid', () => `${file} is taken for whole in spite of ${how}`);
}

export const damagedStates: TortureCase = {
  name: 'damage',
  promise:
    'damage anywhere in a checkpoint or in the best weights is found by its checksum and told, and the run goes on from the ' +
    'newest state that is whole, to the same bits',
  faults: 'damaged files',
  ...{ short: 12, long: 600 },
  round,
};
