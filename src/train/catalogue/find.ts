import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../../util/errors.js';
import { kindOf } from '../files.js';
import { readRun, type RunEntry } from './entry.js';

/** How far below a folder runs are looked for: folds and trials lie in folders of their own. */
const DEPTH = 4;

/** The runs that were found in folders, and what could not be read there. */
export interface FoundRuns {
  readonly runs: RunEntry[];
  /** What is wrong with folders and runs, each with its path. */
  readonly faults: string[];
}

/**
 * The runs in `folders`, each a run or a folder of runs, in order of their paths. What is no run, or a damaged one, is a fault and
 * stops nothing. Links are not followed.
 * @throws UserError where one of the folders does not exist
 */
export async function findRuns(folders: readonly string[]): Promise<FoundRuns> {
  const found: FoundRuns = { runs: [], faults: [] };
  for (const folder of folders) {
    const kind = await kindOf(folder);
    if (kind === undefined) throw new UserError(`${folder}: no such folder`);
    // A pattern of the shell's names files too.
    const holds = kind === 'folder' && (await look(folder, DEPTH, found));
    if (!holds) found.faults.push(`${folder} ${kind === 'file' ? 'is' : 'holds'} no run`);
  }
  const known = new Map(found.runs.map(run => [run.path, run]));
  return { runs: [...known.values()], faults: [...new Set(found.faults)] };
}

/**
 * The folder that is meant by `name`: a path, or what bears that name in `root`.
 * @throws UserError where there is neither
 */
export async function locate(name: string, root: string): Promise<string> {
  for (const path of [name, join(root, name)]) if ((await kindOf(path)) !== undefined) return path;
  throw new UserError(`${name}: no such folder, here or in ${root}`);
}

/** Whether there was a run in the folder or below, damaged or not. */
async function look(folder: string, depth: number, found: FoundRuns): Promise<boolean> {
  let entries;
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    found.faults.push(`${folder} cannot be read: ${(error as Error).message}`);
    return true;
  }
  if (entries.some(entry => entry.isFile() && entry.name === 'config.json')) {
    await add(folder, found);
    return true;
  }
  if (depth === 0) return false;
  const below = entries.filter(entry => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  const without: string[] = [];
  for (const name of below.sort()) {
    const path = join(folder, name);
    if (!(await look(path, depth - 1, found))) without.push(path);
  }
  // A folder among runs is told; one that has none at all is, as a whole, by the caller.
  if (without.length === below.length) return false;
  found.faults.push(...without.map(path => `${path} holds no run`));
  return true;
}

async function add(path: string, found: FoundRuns): Promise<void> {
  try {
    const run = await readRun(path);
    found.runs.push(run);
    if (run.fault !== undefined) found.faults.push(run.fault);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    found.faults.push(error.message);
  }
}
