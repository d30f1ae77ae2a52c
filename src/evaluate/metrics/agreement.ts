import { columnSums, diagonal, dot, ratio, rowSums, sum, type ConfusionMatrix } from './confusion.js';

/**
 * Agreement beyond chance, 1 - (1 - p_o) / (1 - p_e) (Cohen 1960). NaN where truth and prediction are one and the same
 * class throughout, since chance explains everything there; so in scikit-learn.
 */
export function cohenKappa(matrix: ConfusionMatrix): number {
  const total = sum(rowSums(matrix));
  const chance = dot(rowSums(matrix), columnSums(matrix)) / total;
  return 1 - (total - sum(diagonal(matrix))) / (total - chance);
}

/** Matthews correlation of K classes (Gorodkin 2004); 0 where truth or prediction is a single class. */
export function matthewsCorrelation(matrix: ConfusionMatrix): number {
  const support = rowSums(matrix);
  const predicted = columnSums(matrix);
  const total = sum(support);
  const covariance = sum(diagonal(matrix)) * total - dot(support, predicted);
  const spread = (total ** 2 - dot(support, support)) * (total ** 2 - dot(predicted, predicted));
  return ratio(covariance, Math.sqrt(spread));
}
