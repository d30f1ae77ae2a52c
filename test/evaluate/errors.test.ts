import { describe, expect, it } from 'vitest';
import { agreementWithVotes } from '../../src/evaluate/errors/annotators.js';
import { answersOf } from '../../src/evaluate/errors/answers.js';
import { scoreWithoutDuplicates } from '../../src/evaluate/errors/duplicates.js';
import { confusedPairs, surestMistakes } from '../../src/evaluate/errors/mistakes.js';
import { greyMoments, scoreQuartiles } from '../../src/evaluate/errors/pixels.js';
import { scoreSubset } from '../../src/evaluate/errors/subset.js';
import { wilson } from '../../src/evaluate/metrics/proportion.js';
import { dataOf, noise, predict, SIDE, splitOf } from './small.js';

const classes = ['angry', 'happy', 'sad'];
const truth = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
const predicted = [0, 1, 1, 2, 1, 1, 0, 2, 1, 1];
const split = splitOf(truth, 1);
const answers = answersOf(
  predict(split, predicted, 3, i => 0.5 + i / 100),
  classes,
);

describe('mistakes', () => {
  it('lists the pairs that are confused most, with their surest images', () => {
    expect(confusedPairs(answers, 2, 1)).toEqual([
      { truth: 0, predicted: 1, count: 2, share: 0.5, images: [2] },
      { truth: 2, predicted: 1, count: 2, share: 2 / 3, images: [9] },
    ]);
    expect(confusedPairs(answers, 9, 9).map(({ count }) => count)).toEqual([2, 2, 1, 1]);
  });

  it('lists the surest mistakes with what the network thought of the truth', () => {
    const names = truth.map((_, i) => `line ${i + 2}`);
    const [first, second, ...more] = surestMistakes(answers, 3, names);
    expect(first).toMatchObject({ image: 9, name: 'line 11', truth: 2, predicted: 1 });
    expect(first!.confidence).toBeCloseTo(0.59, 6);
    expect(first!.truthProbability).toBeCloseTo(0.205, 6);
    expect(second!.image).toBe(8);
    expect(more.map(({ image }) => image)).toEqual([6]);
    expect(surestMistakes(answers, 1, undefined)[0]).not.toHaveProperty('name');
  });
});

describe('pixels', () => {
  it('has mean and deviation of grey levels, of colours by their luma', () => {
    const images = Uint8Array.of(0, 255, 0, 255, 10, 10, 10, 10);
    const grey = greyMoments({ count: 2, images }, { height: 2, width: 2, channels: 1 });
    expect([...grey.brightness]).toEqual([127.5, 10]);
    expect([...grey.contrast]).toEqual([127.5, 0]);
    const colour = greyMoments(
      { count: 1, images: Uint8Array.of(100, 0, 0, 0, 0, 100) },
      { height: 1, width: 2, channels: 3 },
    );
    expect(colour.brightness[0]).toBeCloseTo((29.9 + 11.4) / 2, 12);
    expect(colour.contrast[0]).toBeCloseTo((29.9 - 11.4) / 2, 12);
  });

  it('scores quarters of the images, equal values together', () => {
    const quarters = scoreQuartiles(answers, Float64Array.of(9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    expect(quarters.map(({ from, to, count }) => [from, to, count])).toEqual([
      [0, 2, 3],
      [3, 4, 2],
      [5, 6, 2],
      [7, 9, 3],
    ]);
    expect(quarters[0]!.accuracy).toBeCloseTo(1 / 3, 15);
    expect(quarters[3]!.accuracy).toBeCloseTo(1 / 3, 15);
    const same = scoreQuartiles(answers, new Float64Array(10).fill(7));
    expect(same.map(({ count }) => count)).toEqual([10]);
  });
});

describe('annotators', () => {
  const votes = (happy: number, angry: number, sad: number, unknown = 0) => [
    0,
    happy,
    0,
    sad,
    angry,
    0,
    0,
    0,
    unknown,
    0,
  ];

  it('finds how many of them chose the prediction, and how it does where they agree', () => {
    const given = truth.map((_, i) => (i === 0 ? votes(0, 10, 0) : i === 1 ? votes(3, 3, 0, 4) : undefined));
    const { agreement, unmatched } = agreementWithVotes(answers, given);
    expect(unmatched).toEqual([]);
    // Image 0: truth and prediction are angry, 10 of 10. Image 1: truth is angry, prediction happy, 3 of 10 each.
    expect(agreement).toMatchObject({
      ...{
        source: 'votes',
        count: 2,
        withPrediction: 0.65,
        withLabel: 0.65,
        predictionIsFirst: 0.5,
        labelIsFirst: 0.5,
      },
      levels: [
        { level: 'low', count: 1, accuracy: 0 },
        { level: 'middle', count: 0, accuracy: null },
        { level: 'high', count: 1, accuracy: 1 },
      ],
    });
  });

  it('counts five of ten as middle and eight of ten as high agreement', () => {
    const given = truth.map((_, i) => (i < 5 ? votes(5, 3, 2) : votes(8, 1, 1)));
    const { agreement } = agreementWithVotes(answers, given);
    expect(agreement!.levels.map(({ count }) => count)).toEqual([0, 5, 5]);
  });

  it('names classes that they were not asked about, and has nothing without votes', () => {
    const renamed = { ...answers, classes: ['angry', 'happy', 'bored'] };
    expect(agreementWithVotes(renamed, [votes(1, 0, 0)])).toEqual({ agreement: null, unmatched: ['bored'] });
    expect(
      agreementWithVotes(
        answers,
        truth.map(() => undefined),
      ).agreement,
    ).toBeNull();
  });
});

describe('duplicates', () => {
  const bytes = SIDE * SIDE;
  const images = noise(10, 1);
  const copy = (into: Uint8Array, to: number, from: Uint8Array, at: number) => {
    into.set(from.subarray(at * bytes, (at + 1) * bytes), to * bytes);
  };
  const train = splitOf([0, 1, 2], 7);
  const val = splitOf([0, 1], 8);
  // Image 0 stands in training, 5 in validation, and 7 is 6 once more.
  copy(images, 0, train.images, 1);
  copy(images, 5, val.images, 0);
  copy(images, 7, images, 6);
  const own = { ...split, images };

  it('leaves out what earlier splits hold, and repetitions', () => {
    const data = dataOf(classes, { train, val, test: own });
    const [identical, ...more] = scoreWithoutDuplicates(answers, data, 'test', 'identical', () => undefined);
    expect(more).toEqual([]);
    expect(identical).toEqual({
      kind: 'identical',
      seen: scoreSubset(answers, [0, 5]),
      repeated: 1,
      deduplicated: scoreSubset(answers, [1, 2, 3, 4, 6, 8, 9]),
    });
  });

  it('counts later splits as none, and near duplicates as one where asked', () => {
    const changed = own.images.slice();
    // A near duplicate of image 2 in place of image 3: one pixel is another.
    copy(changed, 3, changed, 2);
    changed[3 * bytes]! ^= 1;
    const data = dataOf(classes, { train, val: { ...split, images: changed }, test: own });
    const found = scoreWithoutDuplicates(answers, data, 'val', 'near', () => undefined);
    expect(found.map(({ kind, seen, repeated }) => [kind, seen.count, repeated])).toEqual([
      ['identical', 1, 1],
      ['near', 1, 2],
    ]);
  });
});

it.each([
  // scipy.stats.binomtest(hits, count).proportion_ci(method='wilson')
  [0, 10, 0, 0.27753279986288926],
  [3, 10, 0.107791267406301, 0.6032218525388546],
  [70, 100, 0.6041514536665333, 0.7810511470506725],
])("the interval of %d of %d is Wilson's", (hits, count, low, high) => {
  const interval = wilson(hits, count)!;
  expect(interval.low).toBeCloseTo(low, 12);
  expect(interval.high).toBeCloseTo(high, 12);
});
