import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { kindOf } from '../train/files.js';
import type { DataFile, DataFiles, DataPlace } from './protocol.js';
import type { Store } from './store.js';

/** Folders below a root that are looked into. */
const DEPTH = 3;
/** Entries that are looked at below a root: enough for folders of data sets, and no walk through the images in them. */
const MOST_ENTRIES = 20_000;

/** Where this machine keeps data: folders, and the store. */
export class DataRoots {
  constructor(
    readonly folders: readonly string[],
    private readonly store: Store,
  ) {}

  /** The paths under which a file or folder of data may be meant, those that are likelier first. */
  async find({ name, stored }: DataFile): Promise<string[]> {
    const found: string[] = [];
    if (stored !== undefined) {
      const path = this.store.resolve(stored);
      if ((await kindOf(path)) !== undefined) found.push(path);
    }
    for (const folder of this.folders) found.push(...(await findBelow(folder, name)));
    return [...new Set(found)];
  }

  /**
   * All ways to take the files of a job: the data may be one of several of the name, the rest is taken from beside it, or
   * the first that there is.
   * @returns none where a file is missing, and which
   */
  async locate(files: DataFiles): Promise<{ choices: ReadonlyMap<DataPlace, string>[]; missing: string[] }> {
    const missing: string[] = [];
    const found = new Map<DataPlace, readonly string[]>();
    for (const [place, file] of Object.entries(files) as [DataPlace, DataFile][]) {
      const paths = await this.find(file);
      if (paths.length === 0) missing.push(file.name);
      found.set(place, paths);
    }
    if (missing.length > 0) return { choices: [], missing };
    const data = found.get('data') ?? [undefined];
    const choices = data.map(main => {
      const beside = main === undefined ? undefined : dirname(main);
      return new Map(
        Array.from(found, ([place, paths]) => [
          place,
          place === 'data' ? main! : (paths.find(path => dirname(path) === beside) ?? paths[0]!),
        ]),
      );
    });
    return { choices, missing };
  }

  toString(): string {
    return this.folders.length === 0 ? 'none was given' : this.folders.join(', ');
  }
}

/** What bears a name in a folder or below it, level by level. */
async function findBelow(root: string, name: string): Promise<string[]> {
  const found: string[] = [];
  let folders = [root];
  let entries = 0;
  for (let depth = 0; depth <= DEPTH && folders.length > 0; depth++) {
    const next: string[] = [];
    for (const folder of folders) {
      if ((await kindOf(join(folder, name)).catch(() => undefined)) !== undefined) found.push(join(folder, name));
      if (entries > MOST_ENTRIES || depth === DEPTH) continue;
      // A folder that may not be read holds nothing for us.
      const inside = await readdir(folder, { withFileTypes: true }).catch(() => []);
      entries += inside.length;
      next.push(
        ...inside
          .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
          .map(entry => join(folder, entry.name)),
      );
    }
    folders = next.sort();
  }
  return found;
}
