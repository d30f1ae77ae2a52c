import type { SplitName } from '../data/dataset.js';
import type { AnnotatorAgreement } from './errors/annotators.js';
import type { DuplicateScores } from './errors/duplicates.js';
import type { ConfusedPair, Mistake } from './errors/mistakes.js';
import type { QuartileScores } from './errors/pixels.js';
import type { Calibration } from './metrics/calibration.js';
import type { Interval } from './metrics/bootstrap.js';
import type { ClassScores } from './metrics/report.js';

/**
 * Everything that is known of a network's answers on a split: plain data that survives JSON. Classes are indices into
 * `classes`, images indices into the split. A figure that does not exist is null, and `notes` says why.
 */
export interface Assessment {
  /** Name of the data set, with how its labels came about. */
  readonly data: string;
  readonly split: SplitName;
  /** Images. */
  readonly count: number;
  /** Mean cross-entropy against the labels, natural logarithm. */
  readonly loss: number;
  readonly accuracy: number;
  /** `confusion[t][p]`: images of class `t` that were taken for `p`. */
  readonly confusion: number[][];
  /** One entry a class, by class index. */
  readonly perClass: readonly ClassAssessment[];
  /** The classes' names. */
  readonly classes: readonly string[];
  /** `DataSet.fingerprint`. */
  readonly fingerprint: string;
  /** Each row of `confusion` over its sum; null for a class without images. */
  readonly confusionNormalised: readonly (readonly number[] | null)[];
  /** Unweighted mean over the classes that occur in truth or prediction. */
  readonly macro: ClassScores;
  /** Mean weighted by support. */
  readonly weighted: ClassScores;
  readonly balancedAccuracy: number;
  readonly cohenKappa: number | null;
  readonly matthews: number;
  /** Null for two classes, where it would be 1. */
  readonly top2Accuracy: number | null;
  /** As `loss`, with scikit-learn's limits on probabilities of 0 and 1. */
  readonly logLoss: number;
  /** Where the data set's labels are distributions. */
  readonly distribution: DistributionLoss | null;
  readonly calibration: Calibration;
  readonly roc: Curves;
  readonly precisionRecall: Curves;
  readonly intervals: Intervals;
  readonly errors: ErrorAnalysis;
  /** What is odd about the figures, one sentence each. */
  readonly notes: readonly string[];
}

/** Scores of a class; null where the ratio has nothing to divide by and no rule gives it a value. */
export interface ClassAssessment {
  readonly name: string;
  /** 0 where the class has images but was never predicted. */
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
  /** Images of the class. */
  readonly support: number;
  /** Images that were taken for it. */
  readonly predicted: number;
  /** Area under the receiver operating characteristic, against the rest. */
  readonly rocAuc: number | null;
  readonly averagePrecision: number | null;
}

/** Losses against distributions: what validation in training goes by for such data. */
export interface DistributionLoss {
  /** Mean cross-entropy against the images' distributions. */
  readonly crossEntropy: number;
  /** Mean entropy of the distributions, below which no cross-entropy falls. */
  readonly entropy: number;
}

/** Curves of each class against the rest. */
export interface Curves {
  /** Mean of the classes' areas, over the classes that have one. */
  readonly macro: number | null;
  /** Area over all pairs of image and class. */
  readonly micro: number | null;
  readonly curves: readonly Curve[];
}

/**
 * Points of a curve, thinned out to what a drawing can show and rounded; areas are those of all points. A receiver operating
 * characteristic has false positive rates for `x` and true positive rates for `y`; a precision-recall curve recall and
 * precision.
 */
export interface Curve {
  /** A class's name; `macro average` or `micro average`. */
  readonly name: string;
  /** Index of the class; absent for averages. */
  readonly class?: number;
  readonly area: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** The figures that have intervals. */
export const INTERVAL_FIGURES = [
  ...(['accuracy', 'balancedAccuracy', 'macroPrecision', 'macroRecall', 'macroF1', 'weightedF1'] as const),
  ...(['cohenKappa', 'matthews', 'top2Accuracy', 'loss', 'calibrationError'] as const),
  ...(['rocAucMacro', 'averagePrecisionMacro'] as const),
] as const;
export type IntervalFigure = (typeof INTERVAL_FIGURES)[number];

/** Percentile intervals of resampled images. */
export interface Intervals extends Readonly<Record<IntervalFigure, Interval | null>> {
  /** Share of the resamples inside, such as 0.95. */
  readonly level: number;
  readonly resamples: number;
  readonly seed: number;
  readonly perClass: readonly ClassIntervals[];
}

export interface ClassIntervals {
  readonly name: string;
  readonly precision: Interval | null;
  readonly recall: Interval | null;
  readonly f1: Interval | null;
}

/** Where a network goes wrong. */
export interface ErrorAnalysis {
  /** Images that were taken for something else. */
  readonly count: number;
  /** The classes that are confused most often, the most frequent pair first. */
  readonly pairs: readonly ConfusedPair[];
  /** The mistakes of highest confidence, the surest first. */
  readonly mistakes: readonly Mistake[];
  /** By mean grey level, from the darkest quarter. */
  readonly brightness: readonly QuartileScores[];
  /** By standard deviation of the grey levels, from the flattest quarter. */
  readonly contrast: readonly QuartileScores[];
  /** Shares of the images that a class is, and is predicted to be. */
  readonly distribution: readonly { readonly name: string; readonly truth: number; readonly predicted: number }[];
  /** Null without votes. */
  readonly annotators: AnnotatorAgreement | null;
  /** Without images that stand elsewhere too; empty where that was not asked for. */
  readonly duplicates: readonly DuplicateScores[];
}
