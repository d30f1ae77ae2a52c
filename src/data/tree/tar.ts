import { buffer } from 'node:stream/consumers';
import { UserError } from '../../util/errors.js';
import { tarEntries } from './tar-stream.js';
import {
  allFolders,
  byName,
  isHidden,
  MOST_IMAGE_BYTES,
  MOST_TEXT_BYTES,
  type FileTree,
  type TreeFile,
} from './tree.js';

/** A tar archive, gzipped or not. It can only be read from its start, so lists of labels are kept when it is opened. */
export class TarTree implements FileTree {
  private constructor(
    readonly path: string,
    readonly files: ReadonlyMap<string, TreeFile>,
    readonly folders: readonly string[],
    private readonly texts: ReadonlyMap<string, string>,
  ) {}

  static async open(path: string, onProgress?: (fraction: number) => void): Promise<TarTree> {
    const found: TreeFile[] = [];
    const folders: string[] = [];
    const texts = new Map<string, string>();
    let textBytes = 0;
    for await (const { name, isFolder, bytes, modified, stream } of tarEntries(path, onProgress)) {
      if (isHidden(name)) continue;
      if (isFolder) {
        folders.push(name);
        continue;
      }
      found.push({ name, bytes, modified });
      // A CSV file of pixels is larger than this, and is streamed.
      if (!/\.(csv|txt)$/i.test(name) || textBytes + bytes > MOST_TEXT_BYTES) continue;
      texts.set(name, new TextDecoder().decode(await buffer(stream)));
      textBytes += bytes;
    }
    const files = new Map(found.sort(byName).map(file => [file.name, file]));
    return new TarTree(path, files, allFolders(files.keys(), folders), texts);
  }

  find(name: string): Promise<TreeFile | undefined> {
    return Promise.resolve(this.files.get(name));
  }

  readText(name: string): Promise<string> {
    const text = this.texts.get(name);
    if (text !== undefined) return Promise.resolve(text);
    return Promise.reject(new UserError(`${this.path}: ${name} is too large for a list of labels`));
  }

  async *contents(names: readonly string[]) {
    const wanted = new Set(names);
    for await (const { name, bytes, stream } of tarEntries(this.path)) {
      // The second of two entries of the same name would be a second image for one slot.
      if (!wanted.delete(name)) continue;
      if (bytes > MOST_IMAGE_BYTES) throw new UserError(`${this.path}: ${name} has ${bytes} bytes; that is no image`);
      yield { name, bytes: await buffer(stream) };
      if (wanted.size === 0) return;
    }
  }

  location(): undefined {
    return undefined;
  }

  place(name: string) {
    return { kind: 'tar', path: this.path, entry: name } as const;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
