/** Ten votes on each image, in the order of the files' columns. */
export const FERPLUS_VOTES: readonly string[] = [
  ...['neutral', 'happiness', 'surprise', 'sadness', 'anger', 'disgust', 'fear', 'contempt', 'unknown', 'NF'],
];
/** Votes for an expression; unknown and NF (no face) follow them. */
const EXPRESSIONS = 8;

/** What an image's votes become. */
export const LABEL_RULES = ['majority', 'argmax8', 'argmax10', 'distribution', 'sampled'] as const;
export type LabelRule = (typeof LABEL_RULES)[number];

/** The classes that a rule tells apart. */
export function classesOfRule(rule: LabelRule): readonly string[] {
  return rule === 'argmax10' ? FERPLUS_VOTES : FERPLUS_VOTES.slice(0, EXPRESSIONS);
}

/**
 * What `rule` makes of the ten votes on one image; undefined where it drops the image.
 *
 * - `majority`: an emotion with a single vote is taken for a slip and loses it; the first of the largest must then have more
 *   than half of the votes that are left, and be an expression.
 * - `argmax8`: the first of the largest, dropped where it is unknown or NF.
 * - `argmax10`: the first of the largest, unknown and NF being classes.
 * - `distribution`: the images of `argmax8`; the target is the eight expressions' shares of their votes.
 * - `sampled`: as `distribution`; whoever trains draws a class from it at every presentation.
 *
 * Barsoum, Zhang, Canton Ferrer and Zhang, "Training Deep Networks for Facial Expression Recognition with Crowd-Sourced Label
 * Distribution", ICMI 2016.
 */
export function applyLabelRule(
  rule: LabelRule,
  votes: readonly number[],
): { readonly label: number; readonly target?: readonly number[] } | undefined {
  if (rule === 'majority') {
    const left = votes.map(count => (count > 1 ? count : 0));
    const label = firstLargest(left);
    return left[label]! > sum(left) / 2 && label < EXPRESSIONS ? { label } : undefined;
  }
  const label = firstLargest(votes);
  if (rule === 'argmax10') return sum(votes) > 0 ? { label } : undefined;
  if (label >= EXPRESSIONS || votes[label] === 0) return undefined;
  if (rule === 'argmax8') return { label };
  const expressions = votes.slice(0, EXPRESSIONS);
  const total = sum(expressions);
  return { label, target: expressions.map(count => count / total) };
}

function firstLargest(values: readonly number[]): number {
  return values.indexOf(Math.max(...values));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
