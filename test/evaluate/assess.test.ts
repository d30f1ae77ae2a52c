import { describe, expect, it } from 'vitest';
import { assess } from '../../src/evaluate/assess.js';
import { dataOf, predict, splitOf } from './small.js';

const classes = ['angry', 'happy', 'sad', 'fear'];
/** Fear has no images, and sad is never predicted. */
const truth = Array.from({ length: 40 }, (_, i) => i % 3);
const predicted = truth.map((label, i) => (label === 2 ? i % 2 : i % 7 === 0 ? 1 - label : label));
const split = splitOf(truth, 2);
const data = dataOf(classes, { test: split });
const predictions = predict(split, predicted, 4, i => 0.4 + i / 100);
const options = { bootstrap: { resamples: 100 } } as const;
const assessment = assess(predictions, data, 'test', options);

describe('assess', () => {
  it('is plain data: JSON gives the same back', () => {
    expect(JSON.parse(JSON.stringify(assessment))).toEqual(assessment);
  });

  it('has no value where there is none, 0 for what was never predicted, and says so', () => {
    const [angry, , sad, fear] = assessment.perClass;
    expect(sad).toMatchObject({ precision: 0, recall: 0, f1: 0, predicted: 0, support: 13 });
    expect(fear).toEqual({
      ...{ name: 'fear', precision: null, recall: null, f1: null, support: 0, predicted: 0 },
      ...{ rocAuc: null, averagePrecision: null },
    });
    expect(angry!.rocAuc).toBeGreaterThan(0.5);
    expect(assessment.confusionNormalised[3]).toBeNull();
    expect(assessment.notes).toEqual([
      expect.stringMatching(/^Never predicted: sad; /),
      expect.stringMatching(/^No images in this split: fear; /),
    ]);
    expect(assessment.macro.recall).toBeCloseTo(assessment.balancedAccuracy, 15);
  });

  it('gives intervals around its figures, the same each time', () => {
    const { intervals, accuracy, macro, loss, roc } = assessment;
    expect(intervals).toMatchObject({ level: 0.95, resamples: 100, seed: 0 });
    for (const [interval, value] of [
      [intervals.accuracy, accuracy],
      [intervals.macroF1, macro.f1],
      [intervals.loss, loss],
      [intervals.rocAucMacro, roc.macro!],
    ] as const) {
      expect(interval!.low).toBeLessThan(value);
      expect(interval!.high).toBeGreaterThan(value);
    }
    expect(intervals.perClass[3]).toEqual({ name: 'fear', precision: null, recall: null, f1: null });
    expect(assess(predictions, data, 'test', options).intervals).toEqual(intervals);
  });

  it('draws a curve for each class that has one, and averages', () => {
    const names = assessment.roc.curves.map(({ name }) => name);
    expect(names).toEqual(['angry', 'happy', 'sad', 'macro average', 'micro average']);
    for (const { x, y } of assessment.roc.curves) {
      expect([x[0], y[0], x.at(-1), y.at(-1)]).toEqual([0, 0, 1, 1]);
    }
    const areas = assessment.roc.curves.slice(0, 3).map(({ area }) => area);
    expect(assessment.roc.macro).toBeCloseTo(areas.reduce((a, b) => a + b) / 3, 15);
    expect(assessment.precisionRecall.curves.map(({ name }) => name)).toEqual([
      ...['angry', 'happy', 'sad', 'micro average'],
    ]);
  });

  it('reports what it can of one class only', () => {
    const only = splitOf([1, 1, 1, 1], 3);
    const one = assess(
      predict(only, [1, 1, 1, 1], 4, () => 0.9),
      dataOf(classes, { test: only }),
      'test',
      options,
    );
    expect(one).toMatchObject({ accuracy: 1, cohenKappa: null, matthews: 0, macro: { f1: 1 } });
    expect(one.roc).toEqual({ macro: null, micro: null, curves: [] });
    expect(one.notes.join('\n')).toContain('All images are happy');
    expect(one.notes.join('\n')).toContain("Cohen's kappa does not exist");
    expect(JSON.parse(JSON.stringify(one))).toEqual(one);
  });

  it('has no top-2 accuracy of two classes', () => {
    const two = splitOf([0, 1, 1], 4);
    const result = assess(
      predict(two, [0, 1, 0], 2, () => 0.8),
      dataOf(['a', 'b'], { test: two }),
      'test',
      options,
    );
    expect([result.top2Accuracy, result.intervals.top2Accuracy]).toEqual([null, null]);
    expect(result.accuracy).toBeCloseTo(2 / 3, 15);
  });

  it('measures against distributions where labels are such, and says so', () => {
    const targets = Float32Array.from(
      truth.flatMap(label => classes.map((_, k) => (k === label ? 0.75 : k === 3 ? 0.25 : 0))),
    );
    const soft = splitOf(truth, 2, { targets });
    const result = assess(predictions, dataOf(classes, { test: soft }), 'test', options);
    const entropy = -(0.75 * Math.log(0.75) + 0.25 * Math.log(0.25));
    expect(result.distribution!.entropy).toBeCloseTo(entropy, 6);
    // The part of fear, which the network gives a third of what it keeps from its answer.
    const fear = truth.reduce((sum, _, i) => sum - Math.log((0.6 - i / 100) / 3), 0) / truth.length;
    expect(result.distribution!.crossEntropy).toBeCloseTo(0.75 * result.loss + 0.25 * fear, 5);
    expect(result.notes.join('\n')).toContain('distributions');
    expect(result.errors.annotators).toMatchObject({ source: 'targets', count: 40, withLabel: 0.75 });
  });

  it('takes the names that the network has for its classes', () => {
    const renamed = assess(predictions, data, 'test', { ...options, classes: ['a', 'b', 'c', 'd'] });
    expect(renamed.perClass.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('refuses predictions of other images, and a network that has diverged', () => {
    const other = splitOf([0, 1], 5);
    expect(() =>
      assess(
        predict(other, [0, 1], 4, () => 0.9),
        data,
        'test',
      ),
    ).toThrow('are not those of 40 images');
    const logits = predictions.logits.slice();
    logits[9] = NaN;
    expect(() => assess({ ...predictions, logits }, data, 'test')).toThrow('puts out NaN for image 2, class happy');
    expect(() => assess(predictions, data, 'test', { votes: [] })).toThrow('votes on 0 images, the split has 40');
  });
});
