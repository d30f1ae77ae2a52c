import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

export const PIXELS = 48 * 48;

/** Pixels that differ from image to image and have one, two and three digits. */
export function image(seed: number): number[] {
  return Array.from({ length: PIXELS }, (_, i) => (i * 7 + seed * 31) % 256);
}

/** One row of fer2013.csv; the pixels are those of `image(seed)`. */
export function row(emotion: number | string, seed: number, usage = 'Training'): string {
  return `${emotion},${image(seed).join(' ')},${usage}`;
}

export function csv(rows: readonly string[], header = 'emotion,pixels,Usage'): string {
  return `${[header, ...rows].join('\n')}\n`;
}

/** A folder of its own for each test of a file. */
export function useTemporaryFolder(): {
  path: () => string;
  write: (name: string, content: string | Uint8Array) => Promise<string>;
} {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'facegrad-data-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });
  return {
    path: () => folder,
    write: async (name, content) => {
      const file = join(folder, name);
      await writeFile(file, content);
      return file;
    },
  };
}
