import { FERPLUS_VOTES } from '../../data/labels/ferplus.js';
import { sameExpression } from '../../data/labels/spaces.js';
import type { SplitVotes } from '../../data/labels/votes.js';
import type { Answers } from './answers.js';
import { scoreSubset, type SubsetScores } from './subset.js';

/** Images on which annotators agree so much. */
export interface AgreementLevel extends SubsetScores {
  readonly level: 'low' | 'middle' | 'high';
  /** Share of the annotators that chose what most chose: from, and below; the highest level includes 1. */
  readonly from: number;
  readonly to: number;
}

/** How a network agrees with the people who looked at the same images. */
export interface AnnotatorAgreement {
  /** FER+'s votes, or the distributions that the data set has for labels. */
  readonly source: 'votes' | 'targets';
  /** Images that have votes. */
  readonly count: number;
  /** Mean share of an image's annotators who chose the predicted class. */
  readonly withPrediction: number;
  /** Likewise the label: what a network that always answers with the label would reach. */
  readonly withLabel: number;
  /** Share of images on which no other answer had more votes than the prediction; likewise the label. */
  readonly predictionIsFirst: number;
  readonly labelIsFirst: number;
  readonly levels: readonly AgreementLevel[];
}

const LEVELS = [
  { level: 'low', from: 0, to: 0.5 },
  { level: 'middle', from: 0.5, to: 0.8 },
  { level: 'high', from: 0.8, to: 1 },
] as const;

/** Shares of an image's annotators: for each class of the data, and for what most of them chose, a class or not. */
interface Shares {
  readonly classes: ArrayLike<number>;
  readonly highest: number;
}

/**
 * Compares with FER+'s votes. `unmatched` names classes that FER+ does not ask about: then there is nothing to compare.
 */
export function agreementWithVotes(
  answers: Answers,
  votes: SplitVotes,
): { readonly agreement: AnnotatorAgreement | null; readonly unmatched: readonly string[] } {
  const columns = answers.classes.map(name => FERPLUS_VOTES.findIndex(vote => sameExpression(vote, name)));
  const unmatched = answers.classes.filter((_, k) => columns[k] === -1);
  if (unmatched.length > 0) return { agreement: null, unmatched };
  const agreement = compare(answers, 'votes', i => {
    const own = votes[i];
    const total = own?.reduce((a, b) => a + b, 0) ?? 0;
    if (own === undefined || total === 0) return undefined;
    return { classes: columns.map(column => own[column]! / total), highest: Math.max(...own) / total };
  });
  return { agreement, unmatched };
}

/** Compares with target distributions (count,K). */
export function agreementWithTargets(answers: Answers, targets: Float32Array): AnnotatorAgreement | null {
  const K = answers.classes.length;
  return compare(answers, 'targets', i => {
    const classes = targets.subarray(i * K, (i + 1) * K);
    return { classes, highest: Math.max(...classes) };
  });
}

/** Null where no image has votes. */
function compare(
  answers: Answers,
  source: AnnotatorAgreement['source'],
  sharesOf: (i: number) => Shares | undefined,
): AnnotatorAgreement | null {
  const levels = LEVELS.map(level => ({ ...level, images: [] as number[] }));
  const sums = { withPrediction: 0, withLabel: 0, predictionIsFirst: 0, labelIsFirst: 0 };
  let count = 0;
  for (let i = 0; i < answers.count; i++) {
    const shares = sharesOf(i);
    if (shares === undefined) continue;
    const [predicted, label] = [shares.classes[answers.predictions[i]!]!, shares.classes[answers.labels[i]!]!];
    sums.withPrediction += predicted;
    sums.withLabel += label;
    sums.predictionIsFirst += predicted === shares.highest ? 1 : 0;
    sums.labelIsFirst += label === shares.highest ? 1 : 0;
    // Shares are tenths or float32: what is one edge shall not fall below it by rounding.
    levels.findLast(({ from }) => shares.highest >= from - 1e-6)!.images.push(i);
    count++;
  }
  if (count === 0) return null;
  return {
    ...{ source, count },
    withPrediction: sums.withPrediction / count,
    withLabel: sums.withLabel / count,
    predictionIsFirst: sums.predictionIsFirst / count,
    labelIsFirst: sums.labelIsFirst / count,
    levels: levels.map(({ images, ...level }) => ({ ...level, ...scoreSubset(answers, images) })),
  };
}
