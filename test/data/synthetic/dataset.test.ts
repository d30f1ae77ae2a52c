import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { pixelStatistics, SPLIT_NAMES, type DataSet } from '../../../src/data/dataset.js';
import { drawFace, syntheticDataSet } from '../../../src/data/synthetic/dataset.js';

const SIZE = 48;

function face(seed: number, index: number, label: number): Uint8Array {
  const out = new Uint8Array(SIZE * SIZE);
  drawFace(seed, index, label, out);
  return out;
}

describe('syntheticDataSet', () => {
  let data: DataSet;
  const progress: number[] = [];
  beforeAll(() => {
    data = syntheticDataSet(0, fraction => progress.push(fraction));
  });

  it('has 7,000 / 1,000 / 1,000 images of 48x48 in FER-2013 classes', () => {
    expect(SPLIT_NAMES.map(name => data.splits[name].count)).toEqual([7000, 1000, 1000]);
    expect([data.channels, data.height, data.width]).toEqual([1, SIZE, SIZE]);
    expect(data.classes).toEqual(['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']);
    for (const name of SPLIT_NAMES) {
      expect(data.splits[name].images).toHaveLength(data.splits[name].count * SIZE * SIZE);
      expect(data.splits[name].labels).toHaveLength(data.splits[name].count);
    }
  });

  it('has as many images of each class, up to one', () => {
    for (const name of SPLIT_NAMES) {
      const { labels, count } = data.splits[name];
      for (let id = 0; id < 7; id++) {
        const ofClass = labels.filter(label => label === id).length;
        expect(Math.abs(ofClass - count / 7)).toBeLessThan(1);
      }
    }
  });

  it('has no image twice, over all splits', () => {
    const seen = new Set<string>();
    for (const name of SPLIT_NAMES) {
      const { images, count } = data.splits[name];
      for (let i = 0; i < count; i++) {
        seen.add(
          createHash('md5')
            .update(images.subarray(i * SIZE * SIZE, (i + 1) * SIZE * SIZE))
            .digest('hex'),
        );
      }
    }
    expect(seen.size).toBe(9000);
  });

  it('is exposed like photographs: grey in the middle, with contrast', () => {
    const { mean, std } = pixelStatistics(data.splits.train, 1);
    expect(mean[0]).toBeGreaterThan(0.4);
    expect(mean[0]).toBeLessThan(0.6);
    expect(std[0]).toBeGreaterThan(0.2);
    expect(std[0]).toBeLessThan(0.3);
  });

  it('says how far it is', () => {
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  it('draws the same faces everywhere', () => {
    // The images that anybody's seed 0 gives; they change when the drawing does, and then published results do too.
    expect(data.fingerprint).toBe('02de34639ced77fa35e615b904ce29bfc9e86979219cb1cd8c910de7f56fa0c6');
  });
});

describe('drawFace', () => {
  it('depends on its arguments alone', () => {
    expect(face(1, 2, 3)).toEqual(face(1, 2, 3));
  });

  it('draws another face for another seed and another index', () => {
    expect(face(2, 2, 3)).not.toEqual(face(1, 2, 3));
    expect(face(1, 3, 3)).not.toEqual(face(1, 2, 3));
  });

  it('changes the expression of a person, not the person, with the label', () => {
    const happy = face(1, 2, 3);
    const sad = face(1, 2, 4);
    const changed = happy.filter((pixel, i) => Math.abs(pixel - sad[i]!) > 20).length;
    expect(changed).toBeGreaterThan(20);
    expect(changed).toBeLessThan((SIZE * SIZE) / 4);
  });
});
