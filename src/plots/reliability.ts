import { drawChart } from './chart.js';

/** Predictions of like confidence. */
export interface Reliability {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Null where there are none. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/**
 * A reliability diagram: the accuracy of predictions by their confidence, which is to lie on the diagonal; below, the share of
 * predictions of each confidence.
 */
export function reliabilityDiagram(title: string, bins: readonly Reliability[]): Promise<string> {
  const total = bins.reduce((sum, { count }) => sum + count, 0);
  const values = bins
    .filter(({ count }) => count > 0)
    .map(bin => ({ ...bin, share: total > 0 ? bin.count / total : 0 }));
  const unit = { scale: { domain: [0, 1], nice: false } };
  const x = { field: 'lower', type: 'quantitative' as const, bin: { binned: true as const }, ...unit };
  return drawChart({
    title,
    description: title,
    spacing: 12,
    vconcat: [
      {
        width: 320,
        height: 240,
        layer: [
          {
            data: { values },
            mark: { type: 'bar', opacity: 0.85 },
            encoding: {
              x: { ...x, title: null, axis: { labels: false, tickCount: 5 } },
              x2: { field: 'upper' },
              y: { field: 'accuracy', type: 'quantitative', title: 'accuracy', axis: { format: '.0%' }, ...unit },
            },
          },
          {
            data: { values: [0, 1].map(at => ({ at })) },
            mark: { type: 'line', color: '#888', strokeDash: [4, 3] },
            encoding: {
              x: { field: 'at', type: 'quantitative', ...unit },
              y: { field: 'at', type: 'quantitative', ...unit },
            },
          },
          {
            data: { values },
            mark: { type: 'point', filled: true, size: 36, color: '#e45756' },
            encoding: {
              x: { field: 'confidence', type: 'quantitative', ...unit },
              y: { field: 'accuracy', type: 'quantitative', ...unit },
            },
          },
        ],
      },
      {
        width: 320,
        height: 60,
        data: { values },
        mark: { type: 'bar', opacity: 0.5 },
        encoding: {
          x: { ...x, title: 'confidence', axis: { format: '.0%', tickCount: 5 } },
          x2: { field: 'upper' },
          y: { field: 'share', type: 'quantitative', title: 'share', axis: { format: '.0%', tickCount: 3 } },
        },
      },
    ],
  });
}
