/** Metrics with scikit-learn's definitions, in float64, on the host. */
export { cohenKappa, matthewsCorrelation } from './agreement.js';
export { bootstrap, bootstrapDefaults, type BootstrapOptions, type Interval } from './bootstrap.js';
export { calibration, RELIABILITY_BINS, type Calibration, type ReliabilityBin } from './calibration.js';
export { confusionMatrix, normaliseRows, type ConfusionMatrix } from './confusion.js';
export {
  averagePrecision,
  macroRocCurve,
  precisionRecallCurve,
  rocAucOneVsRest,
  rocCurve,
  type PrecisionRecallCurve,
  type RocAuc,
  type RocCurve,
} from './curves.js';
export { holm, mcnemar, type McNemar } from './mcnemar.js';
export { logLoss, softCrossEntropy, softmax, topKAccuracy } from './probabilities.js';
export { wilson } from './proportion.js';
export { precisionArea, rank, rankAll, rankClass, rocArea, type Ranking } from './ranking.js';
export {
  accuracy,
  balancedAccuracy,
  classificationReport,
  type ClassificationReport,
  type ClassScores,
} from './report.js';
