import { buffer } from 'node:stream/consumers';
import { openPromise, type Entry, type ZipFile } from 'yauzl';
import { UserError } from '../../util/errors.js';
import { faultOfName } from './tar-stream.js';
import {
  allFolders,
  byName,
  isHidden,
  MOST_IMAGE_BYTES,
  MOST_TEXT_BYTES,
  type FileTree,
  type TreeFile,
} from './tree.js';

/** Type bits of a Unix mode, and what they are for a symbolic link. */
const TYPE_BITS = 0o170000;
const LINK = 0o120000;

/** A zip archive; entries are read where they lie. */
export class ZipTree implements FileTree {
  private constructor(
    readonly path: string,
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
    readonly files: ReadonlyMap<string, TreeFile>,
    readonly folders: readonly string[],
  ) {}

  /** @throws {UserError} for a name that leads out of the archive, a link, an encrypted entry, or a damaged archive */
  static async open(path: string): Promise<ZipTree> {
    const entries = new Map<string, Entry>();
    const folders: string[] = [];
    const zip = await openPromise(path, { autoClose: false }).catch((error: unknown) => {
      throw damaged(path, error);
    });
    try {
      for await (const entry of zip.eachEntry()) {
        const name = entry.fileName;
        const fault = faultOf(entry);
        if (fault !== undefined) throw new UserError(`${path}: the entry ${JSON.stringify(name)} ${fault}`);
        if (isHidden(name)) continue;
        if (name.endsWith('/')) folders.push(name);
        else entries.set(name, entry);
      }
    } catch (error) {
      zip.close();
      throw damaged(path, error);
    }
    const found = [...entries].map(([name, entry]) => ({
      name,
      bytes: entry.uncompressedSize,
      modified: entry.getLastModDate({ timezone: 'UTC' }).getTime(),
    }));
    const files = new Map(found.sort(byName).map(file => [file.name, file]));
    return new ZipTree(path, zip, entries, files, allFolders(files.keys(), folders));
  }

  find(name: string): Promise<TreeFile | undefined> {
    return Promise.resolve(this.files.get(name));
  }

  async readText(name: string): Promise<string> {
    return new TextDecoder().decode(await this.#read(name, MOST_TEXT_BYTES, 'a list of labels'));
  }

  async *contents(names: readonly string[]) {
    const offset = (name: string) => this.entries.get(name)!.relativeOffsetOfLocalHeader;
    for (const name of [...names].sort((a, b) => offset(a) - offset(b))) {
      yield { name, bytes: await this.#read(name, MOST_IMAGE_BYTES, 'an image') };
    }
  }

  location(): undefined {
    return undefined;
  }

  place(name: string) {
    return { kind: 'zip', path: this.path, entry: name } as const;
  }

  close(): Promise<void> {
    this.zip.close();
    return Promise.resolve();
  }

  /** The library stops where an entry turns out larger than the archive says it is. */
  async #read(name: string, most: number, what: string): Promise<Buffer> {
    const entry = this.entries.get(name)!;
    if (entry.uncompressedSize > most) {
      throw new UserError(`${this.path}: ${name} has ${entry.uncompressedSize} bytes, too many for ${what}`);
    }
    try {
      return await buffer(await this.zip.openReadStreamPromise(entry));
    } catch (error) {
      throw damaged(`${this.path}: ${name}`, error);
    }
  }
}

function faultOf(entry: Entry): string | undefined {
  if (((entry.externalFileAttributes >>> 16) & TYPE_BITS) === LINK) {
    return 'is a link; links in archives are not followed';
  }
  if (entry.isEncrypted()) return 'is encrypted; unpack the archive with its password';
  return faultOfName(entry.fileName);
}

function damaged(path: string, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  // The library checks names itself, before this file does; its message names the entry.
  const isName = /^(invalid relative path|absolute path|invalid characters in fileName): /.test(reason);
  if (isName)
    return new UserError(`${path}: the entry leads out of the archive; such an archive is not read (${reason})`);
  return new UserError(`${path}: the archive is damaged or ends too early (${reason}); download it again`);
}
