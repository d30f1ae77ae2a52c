import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { getMimeType } from 'hono/utils/mime';

/** Where Vite builds the page. */
const FOLDER = new URL('../../dist/web/', import.meta.url);
/** Files in it have their content's hash in their names. */
const HASHED = '/assets/';

/** A file of the page. */
export interface PageFile {
  readonly bytes: Uint8Array;
  readonly type: string;
  readonly etag: string;
  /** Whether other content would have another name. */
  readonly immutable: boolean;
}

/**
 * The files of the page by their paths. Only what lay in its folder when the server started is served: no path of a request is
 * ever looked up on the disk.
 */
export class PageFiles {
  readonly #read = new Map<string, Promise<PageFile>>();

  private constructor(private readonly paths: ReadonlyMap<string, string>) {}

  /** None where the page was not built. */
  static async find(folder: string = fileURLToPath(FOLDER)): Promise<PageFiles> {
    const names = await readdir(folder, { recursive: true }).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    });
    const paths = new Map<string, string>();
    for (const name of names) {
      const file = join(folder, name);
      if ((await stat(file)).isFile()) paths.set(`/${name.split(sep).join('/')}`, file);
    }
    const index = paths.get('/index.html');
    if (index !== undefined) paths.set('/', index);
    return new PageFiles(paths);
  }

  /** Whether there is a file at this path. */
  has(path: string): boolean {
    return this.paths.has(path);
  }

  /** The file at this path, read once. */
  async get(path: string): Promise<PageFile | undefined> {
    const file = this.paths.get(path);
    if (file === undefined) return undefined;
    let page = this.#read.get(file);
    if (!page) {
      page = read(file, path.startsWith(HASHED));
      this.#read.set(file, page);
      page.catch(() => this.#read.delete(file));
    }
    return page;
  }
}

async function read(file: string, immutable: boolean): Promise<PageFile> {
  const bytes = await readFile(file);
  const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`;
  return { bytes, type: getMimeType(file) ?? 'application/octet-stream', etag, immutable };
}
