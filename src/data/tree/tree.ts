import type { Place } from './place.js';

export interface TreeFile {
  /** Path below the tree's root, with `/`. */
  readonly name: string;
  readonly bytes: number;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** The files of a folder or an archive. What is hidden (a name that begins with a dot, `__MACOSX`) is not among them. */
export interface FileTree {
  /** What the user gave, for messages. */
  readonly path: string;
  /** By name. */
  readonly files: ReadonlyMap<string, TreeFile>;
  /** The names of folders, also of those that hold nothing. */
  readonly folders: readonly string[];
  /** The file of that name, also one that stands outside of `files` where the tree allows it. */
  find(name: string): Promise<TreeFile | undefined>;
  /** The content of a list or a note; a file larger than MOST_TEXT_BYTES is refused. */
  readText(name: string): Promise<string>;
  /** The contents of files, each once, in the order in which they are read fastest. */
  contents(names: readonly string[]): AsyncIterable<{ readonly name: string; readonly bytes: Uint8Array }>;
  /** The file's path on the disk, so that a worker can read it; undefined in an archive. */
  location(name: string): string | undefined;
  /** Where a worker finds the bytes of one file. */
  place(name: string): Place;
  close(): Promise<void>;
}

/** Largest list that is read: a thousand bytes for each of 64 thousand images. */
export const MOST_TEXT_BYTES = 64 * 1024 * 1024;
/** Largest image file that is taken out of an archive. */
export const MOST_IMAGE_BYTES = 64 * 1024 * 1024;

/** Whether some part of a path is one that systems leave behind in folders and archives. */
export function isHidden(name: string): boolean {
  return name.split('/').some(part => part.startsWith('.') || part === '__MACOSX');
}

/** The names of the folders that stand directly in `folder` (the root is ''), in order. */
export function foldersOf(tree: FileTree, folder = ''): string[] {
  const prefix = folder === '' ? '' : `${folder}/`;
  const inside = tree.folders.filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length));
  return inside.filter(name => name !== '' && !name.includes('/')).sort();
}

/** The files below `folder` whose names end as image files do, in order of their names. */
export function imagesOf(tree: FileTree, folder = ''): TreeFile[] {
  const prefix = folder === '' ? '' : `${folder}/`;
  return [...tree.files.values()].filter(({ name }) => name.startsWith(prefix) && isImageName(name));
}

export function isImageName(name: string): boolean {
  return /\.(jpe?g|png|webp|gif|tiff?|avif|bmp)$/i.test(name);
}

/** The folders that the names of files imply, with those that are known besides. */
export function allFolders(files: Iterable<string>, known: Iterable<string> = []): string[] {
  const folders = new Set<string>();
  const add = (folder: string) => {
    // Once a folder is in, those above it are too.
    for (let name = folder; name !== '' && !folders.has(name); name = parentOf(name)) folders.add(name);
  };
  for (const name of files) add(parentOf(name));
  for (const name of known) add(name.replace(/\/+$/, ''));
  return [...folders].sort();
}

/** The folder that holds a file or folder; '' is the root. */
export function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf('/')));
}

/** A name without its folders. */
export function lastPartOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** Stands for a file that a list names and that is not there: it is told with the images that cannot be decoded. */
export function missingFile(name: string): TreeFile {
  return { name, bytes: -1, modified: 0 };
}

export function isMissing({ bytes }: TreeFile): boolean {
  return bytes < 0;
}

/** Order of names that is the same on every machine. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** What changes when any of these files does: their names, sizes and times. */
export function stateOf(files: Iterable<TreeFile>): string {
  return [...files].map(({ name, bytes, modified }) => `${name}\0${bytes}\0${modified}\n`).join('');
}
