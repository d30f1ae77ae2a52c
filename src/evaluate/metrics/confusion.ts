/** `matrix[t][p]` counts the samples of true class `t` that were predicted as `p`; K rows of K. */
export type ConfusionMatrix = readonly (readonly number[])[];

/**
 * Counts (truth, prediction) pairs of class indices.
 *
 * @param weights how often each sample counts; once by default
 * @throws RangeError where the lengths differ or an index is not an integer in 0..classes-1
 */
export function confusionMatrix(
  truth: ArrayLike<number>,
  predicted: ArrayLike<number>,
  classes: number,
  weights?: ArrayLike<number>,
): number[][] {
  if (truth.length !== predicted.length) {
    throw new RangeError(`confusion matrix: ${truth.length} true labels, ${predicted.length} predictions`);
  }
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  for (let i = 0; i < truth.length; i++) {
    const row = matrix[truth[i]!];
    const count = row?.[predicted[i]!];
    if (row === undefined || count === undefined) {
      throw new RangeError(
        `confusion matrix: sample ${i} has class ${truth[i]!}, predicted ${predicted[i]!}, of ${classes} classes`,
      );
    }
    row[predicted[i]!] = count + (weights === undefined ? 1 : weights[i]!);
  }
  return matrix;
}

/** Each row over its sum: what became of the samples of a class. Null where a class has none. */
export function normaliseRows(matrix: ConfusionMatrix): (number[] | null)[] {
  return matrix.map(row => {
    const total = sum(row);
    return total === 0 ? null : row.map(count => count / total);
  });
}

/** Samples of each true class. */
export function rowSums(matrix: ConfusionMatrix): number[] {
  return matrix.map(sum);
}

/** How often each class was predicted. */
export function columnSums(matrix: ConfusionMatrix): number[] {
  return matrix.map((_, k) => sum(matrix.map(row => row[k]!)));
}

export function diagonal(matrix: ConfusionMatrix): number[] {
  return matrix.map((row, k) => row[k]!);
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return sum(a.map((value, i) => value * b[i]!));
}

/** 0 where the denominator is. */
export function ratio(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
