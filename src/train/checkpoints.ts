import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readPlace } from './checkpoint.js';
import { kindOf, removeFile } from './files.js';
import { comparePlaces, type Branch, type Place } from './position.js';
import { DamagedFile } from './tensor-file.js';

/** The folder, in a run's, of the states that it saves beside `last.safetensors`. */
export const CHECKPOINTS = 'checkpoints';

const pattern = /^epoch-(\d{4,})(?:-step-(\d{6,}))?\.safetensors$/;

/** `epoch-0005.safetensors` after five epochs, `epoch-0006-step-000120.safetensors` after 120 steps of the sixth. */
export function checkpointName({ epochs, step }: Pick<Place, 'epochs' | 'step'>): string {
  const padded = (n: number, digits: number) => String(n).padStart(digits, '0');
  const steps = step > 0 ? `-step-${padded(step, 6)}` : '';
  return `epoch-${padded(step > 0 ? epochs + 1 : epochs, 4)}${steps}.safetensors`;
}

/** The place that a checkpoint's name tells, or undefined where it is none. */
export function parseCheckpointName(name: string): { epochs: number; step: number } | undefined {
  const match = pattern.exec(name);
  if (!match) return undefined;
  const step = Number(match[2] ?? 0);
  return { epochs: Number(match[1]) - (step > 0 ? 1 : 0), step };
}

/** Names of the checkpoints in a run's folder, in no order. */
export async function checkpointNames(folder: string): Promise<string[]> {
  const path = join(folder, CHECKPOINTS);
  if ((await kindOf(path)) !== 'folder') return [];
  return (await readdir(path)).filter(name => parseCheckpointName(name));
}

/** What a run may go on from, the newest first, and what of it is damaged so far as headers tell. */
export interface Candidates {
  readonly files: readonly string[];
  readonly damaged: readonly string[];
}

/** Those of `others` (its last state and the one before) that exist, and the checkpoints of a run. */
export async function resumeCandidates(folder: string, others: readonly string[]): Promise<Candidates> {
  const files: string[] = [];
  for (const file of others) if ((await kindOf(file)) === 'file') files.push(file);
  files.push(...(await checkpointNames(folder)).map(name => join(folder, CHECKPOINTS, name)));
  const damaged: string[] = [];
  const found: { file: string; place: Place }[] = [];
  for (const file of files) {
    try {
      found.push({ file, place: await readPlace(file) });
    } catch (error) {
      if (!(error instanceof DamagedFile)) throw error;
      damaged.push(file);
    }
  }
  // The order is stable: of two at the same place the last state comes first.
  found.sort((a, b) => comparePlaces(b.place, a.place));
  return { files: found.map(({ file }) => file), damaged };
}

/**
 * Removes what a run need not keep: all but the newest `keep` after epochs and the newest `keep` in their midst; and, once it
 * has gone back to an earlier place, what it had saved after that, `previous` among it.
 */
export async function pruneCheckpoints(folder: string, previous: string, keep: number, branch?: Branch): Promise<void> {
  const own: { name: string; epochs: number; step: number }[] = [];
  const doomed: string[] = [];
  for (const name of await checkpointNames(folder)) {
    const place = parseCheckpointName(name)!;
    // Names do not tell the branch; only where it matters is the file asked.
    const file = join(folder, CHECKPOINTS, name);
    if (branch && isAfter(place, branch) && isLeftBehind(await placeIn(file), branch)) doomed.push(name);
    else own.push({ name, ...place });
  }
  own.sort(comparePlaces).reverse();
  for (const midst of [false, true]) {
    const kind = own.filter(({ step }) => step > 0 === midst);
    doomed.push(...kind.slice(keep).map(({ name }) => name));
  }
  for (const name of doomed) await removeFile(join(folder, CHECKPOINTS, name));
  if (branch && (await kindOf(previous)) === 'file' && isLeftBehind(await placeIn(previous), branch)) {
    await removeFile(previous);
  }
}

/** Whether a state was saved after the place that a branch went back to, and before it did. */
function isLeftBehind(place: Place | undefined, branch: Branch): boolean {
  // What is damaged does not tell.
  return place === undefined || ((place.branch?.number ?? 0) < branch.number && isAfter(place, branch));
}

function isAfter({ epochs, step }: Pick<Place, 'epochs' | 'step'>, branch: Branch): boolean {
  return comparePlaces({ epochs, step }, { epochs: branch.epochs, step: branch.step }) > 0;
}

async function placeIn(file: string): Promise<Place | undefined> {
  try {
    return await readPlace(file);
  } catch (error) {
    if (error instanceof DamagedFile) return undefined;
    throw error;
  }
}
