import { describe, expect, it } from 'vitest';
import { alignClasses, labelSpaceOf } from '../../src/data/align.js';
import type { DataSet, Split } from '../../src/data/dataset.js';
import { limitSplit, selectImages } from '../../src/data/dataset.js';
import { foldSplits } from '../../src/data/folds.js';
import { joinDataSets } from '../../src/data/joint.js';

const none: Split = { count: 0, images: new Uint8Array(), labels: new Uint8Array() };

function dataSet(name: string, classes: string[], labels: number[], size = 2, channels = 1): DataSet {
  const images = Uint8Array.from({ length: labels.length * size * size * channels }, (_, i) => (i * 7) % 251);
  const train = {
    count: labels.length,
    images,
    labels: Uint8Array.from(labels),
    names: labels.map((_, i) => `${name}${i}`),
  };
  return {
    ...{ name, classes, channels, height: size, width: size, fingerprint: name },
    splits: {
      train,
      val: {
        ...train,
        count: 1,
        images: images.slice(0, size * size * channels),
        labels: Uint8Array.of(0),
        names: ['v'],
      },
      test: none,
    },
  };
}

describe('alignClasses', () => {
  it('gives labels and targets the ids of the same classes in another order, by other words', () => {
    const data = dataSet('a', ['happiness', 'sad', 'anger'], [0, 1, 2, 0]);
    const targets = Float32Array.of(0.7, 0.2, 0.1, 0, 1, 0, 0, 0, 1, 1, 0, 0);
    const soft = { ...data, splits: { ...data.splits, train: { ...data.splits.train, targets } } };
    const aligned = alignClasses(soft, ['angry', 'happy', 'sadness'], 'the run');
    expect(aligned.classes).toEqual(['angry', 'happy', 'sadness']);
    expect([...aligned.splits.train.labels]).toEqual([1, 2, 0, 1]);
    expect([...aligned.splits.train.targets!.slice(0, 6)]).toEqual([...Float32Array.of(0.1, 0.7, 0.2, 0, 0, 1)]);
    expect(aligned.fingerprint).not.toBe(data.fingerprint);
    expect(alignClasses(data, data.classes, 'itself')).toBe(data);
  });

  it('refuses what has no counterpart, and says how to map', () => {
    const data = dataSet('a', ['happy', 'contempt'], [0, 1]);
    expect(() => alignClasses(data, ['sad', 'happy'], 'the run')).toThrow(
      'a has the classes happy, contempt; the run has sad, happy. Without counterpart: contempt, sad; ' +
        'bring them together with --map-labels, such as happy=happy,contempt=-',
    );
    const fer = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
    expect(labelSpaceOf(fer)).toBe('fer2013');
    expect(() => alignClasses(data, fer, 'the run')).toThrow('--map-labels fer2013 takes those classes');
  });
});

describe('joinDataSets', () => {
  it('puts the training images of both together, with the classes of the first', () => {
    const data = dataSet('a', ['x', 'y'], [0, 1, 1]);
    const other = dataSet('b', ['y', 'x'], [0, 1]);
    const joined = joinDataSets(data, other);
    const { train, val } = joined.splits;
    expect([...train.labels]).toEqual([0, 1, 1, 1, 0]);
    expect([...train.sources!]).toEqual([0, 0, 0, 1, 1]);
    expect(train.names).toEqual(['a0', 'a1', 'a2', 'b0', 'b1']);
    expect([...train.images.slice(12)]).toEqual([...other.splits.train.images]);
    expect(val).toBe(data.splits.val);
    expect(joined.labelling).toBe('trained jointly with b');
    expect([...selectImages(train, Uint32Array.of(4, 0)).sources!]).toEqual([1, 0]);
    expect([...limitSplit(train, 2, 1).sources!]).toEqual([0, 0, 1, 1]);
    expect(joined.fingerprint).not.toBe(joinDataSets(data, dataSet('b', ['x', 'y'], [0, 1])).fingerprint);
    expect(() => foldSplits(joined, { index: 1, of: 2 })).toThrow('--folds goes without joint data');
  });

  it('brings the second to the size and channels of the first', () => {
    const data = dataSet('a', ['x', 'y'], [0, 1], 2, 3);
    const other = dataSet('b', ['x', 'y'], [0, 1], 4);
    other.splits.train.images.set(new Uint8Array(16).fill(90));
    const { images } = joinDataSets(data, other).splits.train;
    expect(images).toHaveLength(4 * 12);
    expect([...images.slice(24, 36)]).toEqual(new Array(12).fill(90));
    // The three channels of a pixel are one grey value.
    for (let i = 36; i < 48; i += 3) expect(new Set(images.slice(i, i + 3)).size).toBe(1);
    expect(() => joinDataSets(other, data)).toThrow('--channels 3 takes both alike');
  });

  it('takes labels for certain where only one of the two has soft targets', () => {
    const data = dataSet('a', ['x', 'y'], [0]);
    const targets = Float32Array.of(0.25, 0.75);
    const soft = { ...data, splits: { ...data.splits, train: { ...data.splits.train, targets } } };
    const { train } = joinDataSets(soft, dataSet('b', ['y', 'x'], [0])).splits;
    expect([...train.targets!]).toEqual([0.25, 0.75, 0, 1]);
  });
});
