/** Samples by falling score: what the curves and areas of "positive or not" are made of. */
export interface Ranking {
  /** Samples, the highest score first. */
  readonly order: Uint32Array;
  /** By rank: 1 where the sample is positive. */
  readonly positive: Uint8Array;
  /** By rank: 1 where the next sample scores less. Samples of equal score cannot be told apart: they make one point. */
  readonly ends: Uint8Array;
  /** By rank. */
  readonly scores: Float64Array;
}

/** Ranks `count` samples. */
export function rank(count: number, score: (i: number) => number, isPositive: (i: number) => boolean): Ranking {
  const values = Float64Array.from({ length: count }, (_, i) => score(i));
  const order = Uint32Array.from({ length: count }, (_, i) => i).sort((a, b) => values[b]! - values[a]!);
  const scores = Float64Array.from(order, i => values[i]!);
  return {
    order,
    scores,
    positive: Uint8Array.from(order, i => (isPositive(i) ? 1 : 0)),
    ends: Uint8Array.from(scores, (value, r) => (scores[r + 1] === value ? 0 : 1)),
  };
}

/** Class `k` of scores (N,K) against the rest. */
export function rankClass(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number, k: number): Ranking {
  return rank(
    truth.length,
    i => scores[i * classes + k]!,
    i => truth[i] === k,
  );
}

/** Every pair of sample and class, positive where it is the sample's own: what micro averages look at. */
export function rankAll(truth: ArrayLike<number>, scores: ArrayLike<number>, classes: number): Ranking {
  return rank(
    truth.length * classes,
    i => scores[i]!,
    i => truth[Math.floor(i / classes)] === i % classes,
  );
}

/**
 * Visits each distinct score from the highest, with how many samples score it or more: positives and negatives. `weights`
 * says how often each sample counts; points of weight 0 are visited too.
 */
export function walk(
  { order, positive, ends }: Ranking,
  weights: ArrayLike<number> | undefined,
  visit: (truePositives: number, falsePositives: number, rank: number) => void,
): void {
  let truePositives = 0;
  let falsePositives = 0;
  for (let r = 0; r < order.length; r++) {
    const weight = weights === undefined ? 1 : weights[order[r]!]!;
    if (positive[r] === 1) truePositives += weight;
    else falsePositives += weight;
    if (ends[r] === 1) visit(truePositives, falsePositives, r);
  }
}

/** Area under the receiver operating characteristic, by trapezoids; NaN without positives or without negatives. */
export function rocArea(ranking: Ranking, weights?: ArrayLike<number>): number {
  let area = 0;
  let hits = 0;
  let alarms = 0;
  walk(ranking, weights, (truePositives, falsePositives) => {
    area += ((falsePositives - alarms) * (truePositives + hits)) / 2;
    hits = truePositives;
    alarms = falsePositives;
  });
  return area / (hits * alarms);
}

/** Sum of (R_n - R_(n-1)) P_n over the distinct scores; NaN without positives. */
export function precisionArea(ranking: Ranking, weights?: ArrayLike<number>): number {
  let area = 0;
  let hits = 0;
  walk(ranking, weights, (truePositives, falsePositives) => {
    if (truePositives > hits) area += (truePositives - hits) * (truePositives / (truePositives + falsePositives));
    hits = truePositives;
  });
  return area / hits;
}
