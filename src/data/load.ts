import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../util/errors.js';
import { dataCacheFolder, packPath, sourceKey } from './cache.js';
import type { DataSet } from './dataset.js';
import { FER2013_CLASSES, FER2013_SIZE } from './fer2013/layout.js';
import { readFer2013InWorker } from './fer2013/load.js';
import { fingerprintOf } from './fingerprint.js';
import { readPack, writePack } from './pack.js';
import { syntheticDataSet } from './synthetic/dataset.js';

export interface LoadOptions {
  /** Where packed data sets are kept. By default FACEGRAD_CACHE, else the user's cache folder. */
  cacheFolder?: string;
  /** Told what is being done and how far it is, from 0 to 1. */
  onProgress?: (fraction: number, text: string) => void;
  /** Which faces are drawn for `synthetic`; files do not depend on it. 0 by default. */
  seed?: number;
}

const SUPPORTED = "a FER-2013 CSV file (fer2013.csv, fer2013.csv.gz or icml_face_data.csv) or 'synthetic'";
/** Goes up when the reader turns the same file into other bytes, so that old packs are left alone. */
const FER2013_FORMAT = 'fer2013-csv 1';

/**
 * Loads a data set: `synthetic`, or the path of a FER-2013 CSV file. A file is read once and kept in packed form in the
 * cache folder; a pack that is missing, damaged or of another state of the file is made anew. Rows without PublicTest or
 * PrivateTest leave `val` or `test` empty.
 *
 * @throws {UserError} when there is no such file, or it is not what it should be: file, line and reason
 */
export async function loadDataSet(source: string, options: LoadOptions = {}): Promise<DataSet> {
  const report = options.onProgress ?? (() => undefined);
  if (source === 'synthetic') {
    const data = syntheticDataSet(options.seed ?? 0, fraction => {
      report(fraction, 'drawing faces');
    });
    report(1, `drew ${describe(data)}`);
    return data;
  }
  await checkIsFile(source);
  const key = await sourceKey(source, FER2013_FORMAT);
  const cached = packPath(dataCacheFolder(options.cacheFolder), source, key);
  const packed = await readPack(cached, key);
  if (packed !== undefined) {
    report(1, `read ${describe(packed)} from the cache`);
    return packed;
  }

  const splits = await readFer2013InWorker(source, fraction => {
    report(fraction, `reading ${source}`);
  });
  if ((await sourceKey(source, FER2013_FORMAT)) !== key) {
    throw new UserError(`${source}: the file changed while it was read; run the command again`);
  }
  const content = { classes: FER2013_CLASSES, channels: 1, height: FER2013_SIZE, width: FER2013_SIZE, splits };
  const data: DataSet = { name: 'FER-2013', ...content, fingerprint: fingerprintOf(content) };
  try {
    await writePack(cached, key, data);
    report(1, `read ${describe(data)}`);
  } catch (error) {
    // A full or read-only disk costs the next load its speed, and nothing else.
    report(1, `read ${describe(data)}; not cached: ${error instanceof Error ? error.message : String(error)}`);
  }
  return data;
}

async function checkIsFile(source: string): Promise<void> {
  try {
    const found = await stat(source);
    if (found.isDirectory()) throw new UserError(await describeFolder(source));
    if (!found.isFile()) throw new UserError(`${source}: not a regular file; facegrad reads ${SUPPORTED}`);
    if (found.size === 0) throw new UserError(`${source}: the file is empty; facegrad reads ${SUPPORTED}`);
    await (await open(source)).close();
  } catch (error) {
    if (error instanceof UserError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UserError(`${source}: no such file; facegrad reads ${SUPPORTED}`);
    }
    throw new UserError(`${source}: cannot be opened (${String(code)})`);
  }
}

async function describeFolder(folder: string): Promise<string> {
  for (const name of ['fer2013.csv', 'fer2013.csv.gz', 'icml_face_data.csv']) {
    const inside = join(folder, name);
    const found = await stat(inside).catch(() => undefined);
    if (found?.isFile() === true) return `${folder}: a folder; give the file in it: ${inside}`;
  }
  return `${folder}: a folder; facegrad reads ${SUPPORTED}, not folders of images`;
}

function describe(data: DataSet): string {
  const { train, val, test } = data.splits;
  const images = (train.count + val.count + test.count).toLocaleString('en');
  return `${images} images`;
}
