import { randomUUID } from 'node:crypto';
import { readFile, realpath, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { kindOf } from '../train/files.js';
import { UserError } from '../util/errors.js';

/** The file by which two machines know that they share a folder: it holds a name that was drawn once. */
const MARK = '.facegrad-store';

/** Milliseconds. */
const WRITTEN_WITHIN_MS = 1000;
const LOOK_MS = 20;

/** A folder that all machines share, under whatever path: runs lie in it. */
export class Store {
  private constructor(
    /** Absolute, without links. */
    readonly path: string,
    readonly id: string,
  ) {}

  /**
   * The store in a folder; an ordinary folder becomes one.
   * @throws {UserError} where there is no such folder, or it may not be written
   */
  static async open(folder: string): Promise<Store> {
    // Not created: a folder that is not there is mostly one that is not mounted.
    if ((await kindOf(folder)) !== 'folder') throw new UserError(`--store ${folder}: no such folder; is it mounted?`);
    const path = await realpath(folder);
    const mark = join(path, MARK);
    try {
      await writeFile(mark, `${randomUUID()}\n`, { flag: 'wx' });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'EEXIST') throw new UserError(`--store ${folder} cannot be written: ${message}`, { cause: error });
    }
    const id = await readMark(mark);
    if (!/^[0-9a-f-]{36}$/.test(id)) {
      throw new UserError(`${mark} is not as facegrad writes it; remove it where no jobs are under way`);
    }
    return new Store(path, id);
  }

  /** The path, on this machine, of what lies at `inside`. */
  resolve(inside: string): string {
    return join(this.path, ...inside.split('/'));
  }

  /** How a path of this machine is called in the store, with slashes; undefined where it lies elsewhere. */
  async locate(path: string): Promise<string | undefined> {
    const inside = relative(this.path, await realpathOf(resolve(path)));
    if (inside === '' || isAbsolute(inside) || inside.split(sep)[0] === '..') return undefined;
    return inside.split(sep).join('/');
  }

  /**
   * As `locate`.
   * @throws {UserError} where the path lies elsewhere
   */
  async require(option: string, path: string): Promise<string> {
    const inside = await this.locate(path);
    if (inside !== undefined) return inside;
    throw new UserError(`${option} ${path} lies outside --store ${this.path}, where workers on other machines find it`);
  }
}

/** Whoever creates the mark may not have written it yet. */
async function readMark(mark: string): Promise<string> {
  const start = performance.now();
  for (;;) {
    const text = (await readFile(mark, 'utf8')).trim();
    if (text !== '' || performance.now() - start > WRITTEN_WITHIN_MS) return text;
    await sleep(LOOK_MS);
  }
}

/** Without links, also of what is not there yet. */
async function realpathOf(path: string): Promise<string> {
  if ((await kindOf(path)) !== undefined) return realpath(path);
  return join(await realpathOf(dirname(path)), basename(path));
}
