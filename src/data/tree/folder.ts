import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { UserError } from '../../util/errors.js';
import { allFolders, byName, isHidden, MOST_TEXT_BYTES, type FileTree, type TreeFile } from './tree.js';

/** Stats that are asked for at once: network disks answer slowly, and many at a time. */
const AT_ONCE = 64;

/** A folder on the disk, or one file of it. Links are followed. */
export class FolderTree implements FileTree {
  private constructor(
    readonly path: string,
    private readonly root: string,
    readonly files: ReadonlyMap<string, TreeFile>,
    readonly folders: readonly string[],
  ) {}

  /** All files below `folder`. */
  static async scan(folder: string): Promise<FolderTree> {
    const root = resolve(folder);
    const folders: string[] = [];
    const names = await namesBelow(root, '', [await realpath(root)], folders);
    const found: TreeFile[] = [];
    for (let i = 0; i < names.length; i += AT_ONCE) {
      const files = await Promise.all(names.slice(i, i + AT_ONCE).map(name => fileAt(root, name)));
      found.push(...files.filter(file => file !== undefined));
    }
    const files = new Map(found.sort(byName).map(file => [file.name, file]));
    return new FolderTree(folder, root, files, allFolders(files.keys(), folders));
  }

  /** One file; others of its folder are found by name and not listed. */
  static async of(file: string): Promise<FolderTree> {
    const root = dirname(resolve(file));
    const only = await fileAt(root, basename(file));
    return new FolderTree(file, root, new Map(only ? [[only.name, only]] : []), []);
  }

  async find(name: string): Promise<TreeFile | undefined> {
    return this.files.get(name) ?? (await fileAt(this.root, name));
  }

  async readText(name: string): Promise<string> {
    const path = this.location(name);
    const { size } = await stat(path);
    if (size > MOST_TEXT_BYTES) throw new UserError(`${path}: ${size} bytes are too many for a list of labels`);
    return new TextDecoder().decode(await readFile(path));
  }

  async *contents(names: readonly string[]) {
    for (const name of names) yield { name, bytes: await readFile(this.location(name)) };
  }

  location(name: string): string {
    return isAbsolute(name) ? name : join(this.root, ...name.split('/'));
  }

  place(name: string) {
    return { kind: 'file', path: this.location(name) } as const;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function fileAt(root: string, name: string): Promise<TreeFile | undefined> {
  const info = await stat(isAbsolute(name) ? name : join(root, name)).catch(() => undefined);
  return info?.isFile() ? { name, bytes: info.size, modified: info.mtimeMs } : undefined;
}

/**
 * The files below `folder`; the folders are added to `folders`.
 *
 * @param above the real paths of the folders above, so that a link to one of them is not followed round and round
 */
async function namesBelow(
  root: string,
  folder: string,
  above: readonly string[],
  folders: string[],
): Promise<string[]> {
  if (folder !== '') folders.push(folder);
  const here = join(root, folder);
  const entries = await readdir(here, { withFileTypes: true }).catch((error: unknown) => {
    throw new UserError(`${here}: the folder cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  });
  const names: string[] = [];
  for (const entry of entries) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (isHidden(entry.name)) continue;
    if (entry.isFile()) names.push(name);
    else if (entry.isDirectory()) names.push(...(await namesBelow(root, name, above, folders)));
    else if (entry.isSymbolicLink()) {
      const target = await realpath(join(root, name)).catch(() => undefined);
      if (target === undefined) continue;
      const info = await stat(target);
      if (info.isFile()) names.push(name);
      const inside = above.some(path => path === target || path.startsWith(target + sep));
      if (info.isDirectory() && !inside) names.push(...(await namesBelow(root, name, [...above, target], folders)));
    }
  }
  return names;
}
