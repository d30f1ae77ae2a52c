import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import sharp from 'sharp';
import { syncFolder } from '../util/disk.js';
import { UserError } from '../util/errors.js';
import { isPathError } from '../util/path-errors.js';
import { SPLIT_NAMES, type DataSet } from './dataset.js';
import { FER2013_CLASSES, FER2013_SIZE, FER2013_USAGES } from './fer2013/layout.js';
import { removeLeftovers, temporaryName } from './leftovers.js';

type Progress = (fraction: number) => void;

/** Files that are written, or synced, at once. */
const AT_ONCE = 8;
/** Characters of CSV that are gathered before they are written. */
const CHUNK = 1 << 20;

/**
 * Writes a data set as folders: `<out>/<split>/<class>/<number>.png`. Soft targets become their classes.
 *
 * @throws {UserError} when `out` exists, or a class name is no folder name
 */
export async function writeImageFolder(data: DataSet, out: string, onProgress: Progress): Promise<void> {
  await requireNew(out);
  const bad = data.classes.find(name => /[/\\\0]|^\.|^$/.test(name));
  if (bad !== undefined) throw new UserError(`the class ${JSON.stringify(bad)} cannot be the name of a folder`);
  const { channels, height, width } = data;
  const bytes = channels * height * width;
  const total = SPLIT_NAMES.reduce((sum, name) => sum + data.splits[name].count, 0);
  let done = 0;
  await whole(out, async temporary => {
    for (const split of SPLIT_NAMES) {
      const { count, images, labels } = data.splits[split];
      if (count === 0) continue;
      for (const name of data.classes) await mkdir(join(temporary, split, name), { recursive: true });
      const digits = String(count).length;
      await inLanes(count, async i => {
        const pixels = images.subarray(i * bytes, (i + 1) * bytes);
        const image = sharp(pixels, { raw: { width, height, channels: channels as 1 | 3 } });
        const png = await (channels === 1 ? image.toColourspace('b-w') : image).png().toBuffer();
        const file = `${String(i).padStart(digits, '0')}.png`;
        await writeFile(join(temporary, split, data.classes[labels[i]!]!, file), png);
        onProgress(++done / total);
      });
    }
    await syncTree(temporary);
  });
}

/**
 * Writes a data set as FER-2013's CSV file: emotion, pixels, Usage.
 *
 * @throws {UserError} when `out` exists, or the data have another size, other channels or other classes than that file can hold
 */
export async function writeFer2013Csv(data: DataSet, out: string, onProgress: Progress): Promise<void> {
  await requireNew(out);
  if (data.channels !== 1 || data.height !== FER2013_SIZE || data.width !== FER2013_SIZE) {
    throw new UserError(
      `FER-2013's CSV file holds grey images of ${FER2013_SIZE}x${FER2013_SIZE}, the data are ` +
        `${data.width}x${data.height}x${data.channels}: give --channels 1 --image-size ${FER2013_SIZE}`,
    );
  }
  if (data.classes.join() !== FER2013_CLASSES.join()) {
    throw new UserError(
      `FER-2013's CSV file holds the classes ${FER2013_CLASSES.join(', ')}, the data have ${data.classes.join(', ')}: ` +
        'give --map-labels fer2013',
    );
  }
  const usageOf = new Map([...FER2013_USAGES].map(([usage, split]) => [split, usage]));
  const total = SPLIT_NAMES.reduce((sum, name) => sum + data.splits[name].count, 0);
  let done = 0;
  await whole(out, async temporary => {
    const file = await open(temporary, 'wx');
    try {
      let text = 'emotion,pixels,Usage\n';
      for (const split of SPLIT_NAMES) {
        const { count, images, labels } = data.splits[split];
        const bytes = FER2013_SIZE * FER2013_SIZE;
        for (let i = 0; i < count; i++) {
          text += `${labels[i]!},${images.subarray(i * bytes, (i + 1) * bytes).join(' ')},${usageOf.get(split)!}\n`;
          done++;
          if (text.length < CHUNK) continue;
          await file.appendFile(text);
          text = '';
          onProgress(done / total);
        }
      }
      await file.appendFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  });
  onProgress(1);
}

async function requireNew(out: string): Promise<void> {
  const there = await stat(out).then(
    () => true,
    () => false,
  );
  if (there) throw new UserError(`--out ${out} exists already; choose another place, or remove it`);
}

/** Does so much work, several pieces at once. Where one fails, none is under way any more when its error is thrown. */
async function inLanes(count: number, work: (i: number) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  let next = 0;
  const lane = async () => {
    while (next < count && errors.length === 0) await work(next++).catch((error: unknown) => errors.push(error));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  if (errors.length > 0) throw errors[0];
}

/**
 * Has something written and synced under a temporary name, and gives it its own when all of it is there: also after a power cut
 * there is the whole or nothing.
 *
 * @throws {UserError} when nothing can be written there
 */
async function whole(out: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const path = resolve(out);
  const folder = dirname(path);
  const temporary = temporaryName(path);
  await removeLeftovers(folder, name => name === basename(path));
  try {
    const made = await mkdir(folder, { recursive: true });
    await write(temporary);
    await rename(temporary, path);
    // Names last once the folders that they are in are on disk, those of new folders among them.
    const top = made === undefined ? folder : dirname(made);
    for (let at = folder; ; at = dirname(at)) {
      await syncFolder(at);
      if (at === top) break;
    }
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw isPathError(error) ? new UserError(`--out ${out} cannot be written: ${(error as Error).message}`) : error;
  }
}

/**
 * Puts a folder on disk with all that is in it. After all files have been written, since the system has written most of their
 * bytes by then: each at once, after its last byte, would take twice the time of the conversion.
 */
async function syncTree(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const pathsOf = (isFile: boolean) =>
    entries.filter(entry => entry.isFile() === isFile).map(entry => join(entry.parentPath, entry.name));
  const [files, folders] = [pathsOf(true), pathsOf(false)];
  await inLanes(files.length, i => syncFile(files[i]!));
  for (const path of [...folders, folder]) await syncFolder(path);
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
