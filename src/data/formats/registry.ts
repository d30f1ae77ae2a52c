import { UserError } from '../../util/errors.js';
import type { DataOptions } from '../options.js';
import type { Source } from '../tree/open.js';
import { subtreeOf } from '../tree/subtree.js';
import { foldersOf, imagesOf } from '../tree/tree.js';
import { affectnet } from './affectnet.js';
import { fer2013 } from './fer2013.js';
import { fer2013Folders } from './fer2013-folders.js';
import { ferplus, FERPLUS_VOTES_FILE } from './ferplus.js';
import { ferplusFolders } from './ferplus-folders.js';
import { firstLineOf } from './first-line.js';
import type { Format } from './format.js';
import { imageFolder } from './image-folder.js';
import { imageList } from './image-list.js';
import { rafDb } from './raf-db.js';

/** All formats, the more particular before the more general: the first that matches is taken. */
export const FORMATS: readonly Format[] = [
  ...[ferplusFolders, ferplus, fer2013, rafDb, affectnet, fer2013Folders, imageFolder, imageList],
];

/** What `--data` takes, in a sentence. */
export const SUPPORTED =
  "a CSV file, a folder or an archive of a data set (docs/data.md lists the layouts), or 'synthetic'";

/**
 * The format of a source, and the source from the folder on in which it has that format: outer folders are looked through as
 * long as there is but one that holds images.
 *
 * @throws {UserError} where no format fits, saying what was looked for
 */
export async function findFormat(source: Source, options: DataOptions): Promise<{ format: Format; source: Source }> {
  const candidates = FORMATS.filter(({ name }) => options.dataset === undefined || name === options.dataset);
  for (let inner: Source | undefined = source; inner !== undefined; inner = innerOf(inner)) {
    for (const format of candidates) {
      if (await format.matches(inner, options)) return { format, source: inner };
    }
  }
  const [forced] = candidates;
  // The format's own message says what is missing.
  if (options.dataset !== undefined && forced) return { format: forced, source: innermost(source) };
  throw new UserError(await describeMisfit(source));
}

function innerOf(source: Source): Source | undefined {
  const { tree, file } = source;
  if (file !== undefined) return undefined;
  const folders = foldersOf(tree);
  const holding = folders.filter(folder => imagesOf(tree, folder).length > 0);
  // An archive of a CSV file has no images.
  const [only, ...others] = holding.length > 0 ? holding : folders;
  return only === undefined || others.length > 0 ? undefined : { ...source, tree: subtreeOf(tree, only) };
}

function innermost(source: Source): Source {
  const inner = source.tree.files.size > 0 && imagesOf(source.tree).length === 0 ? innerOf(source) : undefined;
  return inner ? innermost(inner) : source;
}

async function describeMisfit({ path, tree, file }: Source): Promise<string> {
  if (file !== undefined) {
    const line = await firstLineOf(tree.place(file));
    if (/\bImage name\b/i.test(line) && /\bNF\b/.test(line)) {
      return `${path}: these are FER+'s votes; give the images too: --data fer2013.csv --labels ${FERPLUS_VOTES_FILE}`;
    }
    const begins = line === '' ? '' : ` It begins with ${JSON.stringify(line.slice(0, 80))}.`;
    return `${path}: no data set that facegrad knows.${begins} A file may be:\n${layoutsOf([fer2013, ferplus, imageList])}`;
  }
  const folders = foldersOf(tree);
  const holds = `${tree.files.size} files${folders.length > 0 ? ` and the folders ${folders.slice(0, 8).join(', ')}` : ''}`;
  return `${path}: no data set that facegrad knows. It holds ${holds}. Looked for:\n${layoutsOf(FORMATS)}`;
}

function layoutsOf(formats: readonly Format[]): string {
  return formats.map(({ name, layout }) => `  ${name}: ${layout}`).join('\n');
}
