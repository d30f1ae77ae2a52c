import type { Interval } from '../metrics/bootstrap.js';
import { confusionMatrix } from '../metrics/confusion.js';
import { wilson } from '../metrics/proportion.js';
import { classificationReport } from '../metrics/report.js';
import type { Answers } from './answers.js';

/** How a network does on some of a split's images; figures are null where there are none. */
export interface SubsetScores {
  readonly count: number;
  readonly accuracy: number | null;
  /** 95 %, Wilson's. */
  readonly accuracyInterval: Interval | null;
  readonly macroF1: number | null;
  /** Mean cross-entropy against the labels. */
  readonly loss: number | null;
}

/** Scores of the images `indices`. */
export function scoreSubset(answers: Answers, indices: readonly number[]): SubsetScores {
  const count = indices.length;
  if (count === 0) return { count, accuracy: null, accuracyInterval: null, macroF1: null, loss: null };
  const truth = indices.map(i => answers.labels[i]!);
  const predicted = indices.map(i => answers.predictions[i]!);
  const { accuracy, macro } = classificationReport(confusionMatrix(truth, predicted, answers.classes.length));
  return {
    count,
    accuracy,
    accuracyInterval: wilson(Math.round(accuracy * count), count),
    macroF1: macro.f1,
    loss: indices.reduce((total, i) => total + answers.losses[i]!, 0) / count,
  };
}
