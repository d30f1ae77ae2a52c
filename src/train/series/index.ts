export { MOVED_OPTIONS, requireNoSeries, SeriesFolder, seriesKindOf } from './folder.js';
export {
  finishedSummary,
  isFinished,
  requireSameOptions,
  trainMember,
  type Member,
  type MemberContext,
  type Translate,
} from './member.js';
export { type SeriesKind, type SeriesPlan } from './plan.js';
export { trainSeries, type SeriesContext } from './series.js';
export { statisticOf, type SeriesSummary, type Statistic } from './summary.js';
export { markdownTable, seriesTable, seriesTitle } from './table.js';
