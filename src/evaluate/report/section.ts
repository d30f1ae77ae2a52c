import type { Section } from '../../plots/index.js';
import type { Figure } from './figures.js';

/** A section of a report, whose figures have names. */
export interface ReportSection extends Omit<Section, 'figures'> {
  readonly figures?: readonly Figure[];
}
