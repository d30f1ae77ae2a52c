import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import sharp from 'sharp';
import { temporaryName } from '../../train/files.js';
import { UserError } from '../../util/errors.js';
import { isPathError } from '../../util/path-errors.js';
import type { Prediction } from './prediction.js';

/** A file that is written bit by bit and appears whole: under a temporary name until `finish`. */
export class GrowingFile {
  private constructor(
    readonly path: string,
    private readonly file: FileHandle,
  ) {}

  /** @throws {UserError} where the path cannot be written */
  static async create(path: string): Promise<GrowingFile> {
    try {
      return new GrowingFile(path, await open(temporaryName(path), 'w'));
    } catch (error) {
      const text = `${path} cannot be written: ${(error as Error).message}`;
      throw isPathError(error) ? new UserError(text, { cause: error }) : new Error(text, { cause: error });
    }
  }

  async write(text: string): Promise<void> {
    await this.file.writeFile(text);
  }

  async finish(): Promise<void> {
    await this.file.sync();
    await this.file.close();
    await rename(temporaryName(this.path), this.path);
  }

  /** Leaves nothing behind. */
  async abort(): Promise<void> {
    await this.file.close().catch(() => undefined);
    await rm(temporaryName(this.path), { force: true });
  }
}

/** @throws {UserError} where there can be no such folder */
export async function createOverlayFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new UserError(`--grad-cam ${folder}: the folder cannot be created (${(error as Error).message})`);
  }
}

/** Writes an overlay as PNG into `folder`; gives its path. `number` counts results, so that no two have the same name. */
export async function writeOverlay(
  folder: string,
  number: number,
  { file, overlay, top }: Prediction,
): Promise<string | undefined> {
  if (!overlay) return undefined;
  const name = basename(file, extname(file)).replace(/[^\w.-]+/g, '_');
  const path = join(folder, `${String(number).padStart(6, '0')}-${name}-${top.replace(/[^\w.-]+/g, '_')}.png`);
  const { height, width, pixels } = overlay;
  await sharp(pixels, { raw: { height, width, channels: 3 } })
    .png()
    .toFile(path);
  return path;
}
