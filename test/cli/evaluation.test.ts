import { describe, expect, it } from 'vitest';
import { confusionLines, evaluationLines, type Evaluation } from '../../src/cli/report/evaluation.js';
import { assess } from '../../src/evaluate/assess.js';
import { compareWith } from '../../src/evaluate/compare.js';
import { dataOf, predict, splitOf } from '../evaluate/small.js';

const truth = Array.from({ length: 20 }, (_, i) => (i < 6 ? 0 : 1));
/** One happy image is taken for sad, two sad ones for happy. */
const predicted = truth.map((label, i) => ([0, 6, 7].includes(i) ? 1 - label : label));

function evaluation(targets?: Float32Array): Evaluation {
  const split = splitOf(truth, 1, targets ? { targets } : {});
  const data = dataOf(['happy', 'sad'], { val: split });
  const predictions = predict(split, predicted, 2, () => 0.8);
  return { model: 'm', ...assess(predictions, data, 'val', { bootstrap: { resamples: 200 } }) };
}

describe('the evaluation for people', () => {
  it('has figures with intervals, the matrix with truth in rows, and the scores of each class', () => {
    const lines = evaluationLines(evaluation());
    expect(lines[0]).toBe('m on the val split of noise: 20 images, computed in f32');
    expect(lines[2]!.trim()).toBe('95 % interval');
    const figure = (name: string) => lines.find(line => line.startsWith(name));
    expect(figure('accuracy')).toMatch(/^accuracy +85\.00 % +\d\d\.\d\d to \d+\.\d\d %$/);
    expect(figure('macro F1')).toMatch(/^macro F1 +0\.8291 +0\.\d{4} to \d\.\d{4}$/);
    expect(figure('loss')).toMatch(/^loss +0\.4311 +0\.\d{4} to 0\.\d{4}$/);
    expect(figure('top-2')).toBeUndefined();
    const at = lines.indexOf('Confusion matrix (rows: truth, columns: prediction)');
    expect(lines.slice(at + 1, at + 15)).toEqual([
      '       happy  sad',
      'happy      5    1',
      'sad        2   12',
      '',
      'Per class',
      '                  precision  recall      f1  support',
      'happy                0.7143  0.8333  0.7692        6',
      'sad                  0.9231  0.8571  0.8889       14',
      'macro average        0.8187  0.8452  0.8291       20',
      'weighted average     0.8604  0.8500  0.8530       20',
      '',
      'Confused most often',
      'sad taken for happy  2 of 14  14.29 %',
      'happy taken for sad   1 of 6  16.67 %',
    ]);
    const [first] = evaluationLines({ ...evaluation(), precision: 'amp' });
    expect(first).toBe('m on the val split of noise: 20 images, computed in mixed precision (amp)');
  });

  it('says what is left without images that stand elsewhere, and how images of another light fare', () => {
    const text = evaluationLines(evaluation()).join('\n');
    expect(text).toMatch(/^ +left +accuracy +macro F1 +in training +accuracy +repeated\nidentical +20 +85\.00 % /m);
    expect(text).toMatch(/^accuracy, dark to bright( +\d+\.\d\d %){4}$/m);
    expect(text).not.toContain('annotators');
    expect(text).not.toContain('Notes');
  });

  it('tells both losses where labels are distributions, and how annotators agree', () => {
    const targets = Float32Array.from(truth.flatMap(label => (label === 0 ? [0.7, 0.3] : [0.1, 0.9])));
    const text = evaluationLines(evaluation(targets)).join('\n');
    expect(text).toMatch(/^loss against the labels +0\.4311 /m);
    expect(text).toMatch(/^loss against distributions +0\.\d{4}$/m);
    expect(text).toMatch(/^mean share of annotators who agree +\d+\.\d\d % +84\.00 %$/m);
    expect(text).toMatch(/^accuracy where annotators' agreement is high \(80 to 100 %\) +85\.71 % +14$/m);
    expect(text).toContain('\nNotes\nThe labels of this data set are distributions');
  });

  it('tells how it differs from other runs', () => {
    const of = (predictions: readonly number[], name: string) => ({
      name,
      predictions: { labels: Uint8Array.from(truth), predictions: Uint8Array.from(predictions) },
    });
    const other = truth.map((label, i) => (i < 8 ? 1 - label : label));
    const runs = [of(other, 'runs/b'), of(predicted, 'runs/c')];
    const comparisons = compareWith(of(predicted, 'runs/a'), runs, { resamples: 100 });
    const text = evaluationLines({ ...evaluation(), comparisons }).join('\n');
    // Five images more: 2 · 2⁻⁵ of the coin, twice that for two comparisons.
    expect(text).toMatch(/^runs\/b +\+25\.00 % +\+[\d.]+ to \+[\d.]+ % +5 +0 +0\.0625 +0\.1250$/m);
    expect(text).toMatch(/^runs\/c +0\.00 % +0\.00 to 0\.00 % +0 +0 +1\.0000 +1\.0000$/m);
  });

  it('numbers the classes where their names are too wide', () => {
    const names = Array.from({ length: 13 }, (_, i) => `feeling-${i}`);
    const matrix = names.map((_, i) => names.map((_, j) => (i === j ? 300 : 7)));
    const lines = confusionLines(matrix, names);
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(80);
    expect(lines[0]!.trim().split(/ +/)).toEqual(names.map((_, i) => String(i)));
    expect(lines[3]).toMatch(/^2 feeling-2 /);
  });
});
