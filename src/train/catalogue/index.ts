export { columnNames, columnOf, type Column, type Kind, type Value } from './columns.js';
export {
  compareRuns,
  comparisonCsv,
  curvesCsv,
  metricsOf,
  type ComparedRow,
  type Comparison,
  type Metric,
} from './compare.js';
export { filesOf, readRun, type RunEntry } from './entry.js';
export { parseFilter } from './filter.js';
export { findRuns, locate, type FoundRuns } from './find.js';
export { sortRuns } from './sort.js';
export type { RunState } from './state.js';
