import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import type { DataSet } from '../../src/data/dataset.js';
import { writeSheet } from '../../src/data/sheet.js';

/** 2x2 images; every pixel of image i is 10 i in the first channel and one more in each further one. */
function dataSet(labels: number[], channels: number): DataSet {
  const images = Uint8Array.from({ length: labels.length * 4 * channels }, (_, i) => {
    return 10 * Math.floor(i / (4 * channels)) + (i % channels);
  });
  const train = { count: labels.length, images, labels: Uint8Array.from(labels) };
  const empty = { count: 0, images: new Uint8Array(0), labels: new Uint8Array(0) };
  const splits = { train, val: empty, test: empty };
  return { name: 'x', classes: ['a', 'b', 'c'], channels, height: 2, width: 2, splits, fingerprint: '' };
}

/** The colour of the picture in a row and column of the sheet, whose pictures are 2x2 with 2 pixels between them. */
function colourAt(sheet: PNG, row: number, column: number): number[] {
  const at = ((2 + row * 4) * sheet.width + 2 + column * 4) * 4;
  return [...sheet.data.subarray(at, at + 4)];
}

describe('writeSheet', () => {
  it('shows each class on rows of its own', () => {
    const sheet = PNG.sync.read(writeSheet(dataSet([0, 1, 1, 1, 2], 1), 'train', { count: 3, columns: 2, seed: 1 }));
    expect([sheet.width, sheet.height]).toEqual([2 + 2 * 4, 2 + 4 * 4]);
    expect(colourAt(sheet, 0, 0)).toEqual([0, 0, 0, 255]);
    expect(colourAt(sheet, 0, 1)).toEqual([32, 32, 32, 255]);
    const ofClassB = [colourAt(sheet, 1, 0), colourAt(sheet, 1, 1), colourAt(sheet, 2, 0)].map(colour => colour[0]!);
    expect(ofClassB.sort((x, y) => x - y)).toEqual([10, 20, 30]);
    expect(colourAt(sheet, 3, 0)).toEqual([40, 40, 40, 255]);
  });

  it('shows colours', () => {
    const sheet = PNG.sync.read(writeSheet(dataSet([2], 3), 'train', { count: 3, columns: 2, seed: 1 }));
    expect(colourAt(sheet, 0, 0)).toEqual([0, 1, 2, 255]);
  });

  it('chooses by seed, and no more than asked for', () => {
    const data = dataSet(new Array<number>(20).fill(0), 1);
    const sheet = (seed: number): Buffer => writeSheet(data, 'train', { count: 5, columns: 10, seed });
    expect(PNG.sync.read(sheet(1)).width).toBe(2 + 5 * 4);
    expect(sheet(1)).toEqual(sheet(1));
    expect(sheet(1)).not.toEqual(sheet(2));
  });

  it('refuses an empty split and senseless sizes', () => {
    const data = dataSet([0], 1);
    expect(() => writeSheet(data, 'val', { count: 1, columns: 1, seed: 1 })).toThrow('x has no val images to show');
    expect(() => writeSheet(data, 'train', { count: 0, columns: 1, seed: 1 })).toThrow('count is 0');
    expect(() => writeSheet(data, 'train', { count: 1, columns: 1.5, seed: 1 })).toThrow('columns is 1.5');
  });
});
