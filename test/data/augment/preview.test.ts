import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { writeAugmentedSheet } from '../../../src/data/augment/preview.js';
import { resolveSpec } from '../../../src/data/augment/spec.js';
import type { DataSet } from '../../../src/data/dataset.js';
import { paths } from '../../devices.js';

/** 4x2 images in colour, dark on the left and bright on the right; the first channel tells which image it is. */
function dataSet(count: number): DataSet {
  const images = Uint8Array.from({ length: count * 24 }, (_, i) => {
    const x = Math.floor(i / 3) % 4;
    return i % 3 === 0 ? 10 * Math.floor(i / 24) : x < 2 ? 20 : 200;
  });
  const train = { count, images, labels: Uint8Array.from({ length: count }, (_, i) => i % 2) };
  const empty = { count: 0, images: new Uint8Array(0), labels: new Uint8Array(0) };
  const splits = { train, val: empty, test: empty };
  return { name: 'x', classes: ['a', 'b'], channels: 3, height: 2, width: 4, splits, fingerprint: '' };
}

async function sheet(given: unknown[], options = { count: 1, columns: 3, seed: 1 }): Promise<PNG> {
  const device = await paths.native();
  return PNG.sync.read(await writeAugmentedSheet(dataSet(6), 'train', resolveSpec(given), options, device));
}

/** The colour at a place of the picture in a row and column; cells are 6x4. */
function colourAt(png: PNG, row: number, column: number, x = 0): number[] {
  const at = ((2 + row * 4) * png.width + 2 + column * 6 + x) * 4;
  return [...png.data.subarray(at, at + 3)];
}

it('shows an image and what becomes of it on each row', async () => {
  const flipped = await sheet([{ 'horizontal-flip': { p: 1 } }], { count: 2, columns: 3, seed: 1 });
  expect([flipped.width, flipped.height]).toEqual([2 + 3 * 6, 2 + 4 * 4]);
  for (let row = 0; row < 4; row++) {
    const [id] = colourAt(flipped, row, 0);
    // Two of class a, then two of class b.
    expect((id! / 10) % 2).toBe(row < 2 ? 0 : 1);
    expect(colourAt(flipped, row, 0)).toEqual([id, 20, 20]);
    for (const column of [1, 2]) {
      expect(colourAt(flipped, row, column)).toEqual([id, 200, 200]);
      expect(colourAt(flipped, row, column, 3)).toEqual([id, 20, 20]);
    }
  }
});

it('shows all samples of an image, in their size, and nothing where nothing is done', async () => {
  const crops = await sheet([{ 'five-crop': { size: [1, 2] } }], { count: 1, columns: 7, seed: 1 });
  // Top left, top right, bottom left, bottom right, centre, and the next epoch's first.
  expect([1, 2, 3, 4, 5, 6].map(column => colourAt(crops, 0, column)[1])).toEqual([20, 200, 20, 200, 20, 20]);
  expect(colourAt(crops, 0, 2, 2)).toEqual([32, 32, 32]);
  const same = await sheet([{ 'five-crop': { size: [1, 2], at: 'test' } }].slice(1));
  expect(colourAt(same, 0, 2)).toEqual(colourAt(same, 0, 0));
});

it('draws another sheet from another seed, and the same one from the same', async () => {
  const noise = (seed: number) => sheet(['gaussian-noise'], { count: 1, columns: 3, seed });
  const [one, again, other] = [await noise(1), await noise(1), await noise(2)];
  expect(one.data).toEqual(again.data);
  expect(one.data).not.toEqual(other.data);
  expect(colourAt(one, 0, 1)).not.toEqual(colourAt(one, 0, 2));
});
