import { basename, relative } from 'node:path';
import { UserError } from '../util/errors.js';
import { infoOf, loadCheckpoint, readPlace } from './checkpoint.js';
import { comparePlaces, type Branch, type Position } from './position.js';
import type { RunFolder } from './run.js';
import { DamagedFile, readTensorFile } from './tensor-file.js';

/** A state that was put back, and the file that it stands in. */
export type TakenUp = Awaited<ReturnType<typeof loadCheckpoint>> & { readonly file: string };

/**
 * Puts the newest good state of a run back, or the one at `from`; undefined where none was ever saved. What is damaged is
 * passed over and told to `note`.
 * @throws UserError where nothing good is left
 */
export async function takeUp(
  run: RunFolder,
  from: string | undefined,
  traineeOf: Parameters<typeof loadCheckpoint>[1],
  note: (text: string) => void,
): Promise<TakenUp | undefined> {
  if (from !== undefined) {
    const state = await loadCheckpoint(from, traineeOf);
    const branch = await branchAt(run, state);
    return { ...state, file: from, ...(branch ? { branch } : {}) };
  }
  const { files, damaged } = await run.candidates();
  const bad = [...damaged];
  for (const file of files) {
    try {
      const state = await loadCheckpoint(file, traineeOf);
      for (const one of bad) note(`warning: ${one} is damaged; the run goes on from ${relative(run.path, file)}`);
      return { ...state, file };
    } catch (error) {
      if (!(error instanceof DamagedFile)) throw error;
      bad.push(file);
    }
  }
  if (bad.length === 0) return undefined;
  throw new UserError(
    `${bad.join(', ')}: damaged, and ${run.path} has no other state to go on from; restore the file from a copy, ` +
      'or begin the run anew in another folder',
  );
}

/** The branch that begins where a run goes back to, unless that is where it stands. */
async function branchAt(run: RunFolder, { epochs, step, branch }: Position): Promise<Branch | undefined> {
  const [newest] = (await run.candidates()).files;
  const place = newest === undefined ? undefined : await readPlace(newest);
  if (place === undefined || comparePlaces(place, { epochs, step, ...(branch ? { branch } : {}) }) <= 0) return branch;
  return { number: (place.branch?.number ?? 0) + 1, epochs, step };
}

/**
 * The epoch of the run's best weights; undefined where there are none, or they are damaged, which `note` is told.
 */
export async function epochOfBest(run: RunFolder, note: (text: string) => void): Promise<number | undefined> {
  if (!(await run.hasBest())) return undefined;
  try {
    return infoOf(await readTensorFile(run.best), run.best)?.epoch;
  } catch (error) {
    if (!(error instanceof DamagedFile)) throw error;
    note(`warning: ${basename(run.best)} is damaged`);
    return undefined;
  }
}
