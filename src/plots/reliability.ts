import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

/** Predictions of like confidence. */
export interface Reliability {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
  /** Null where there are none. */
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

const WIDTH = 260;

/** What is drawn, by its name in the legend. */
const COLOURS = {
  'predictions of a confidence': '#4c78a8',
  'their mean confidence': '#e45756',
  'as right as it is sure': '#888',
} as const;

function colourOf(name: keyof typeof COLOURS) {
  const names = Object.keys(COLOURS);
  const scale = { domain: names, range: Object.values(COLOURS) };
  return { datum: name, type: 'nominal' as const, scale, title: null, legend: legendBelow(names, WIDTH) };
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
    resolve: { scale: { color: 'shared' }, legend: { color: 'shared' } },
    vconcat: [
      {
        width: WIDTH,
        height: 200,
        layer: [
          {
            data: { values },
            mark: { type: 'bar', opacity: 0.85 },
            encoding: {
              x: { ...x, title: null, axis: { labels: false, tickCount: 5 } },
              x2: { field: 'upper' },
              y: { field: 'accuracy', type: 'quantitative', title: 'accuracy', axis: { format: '.0%' }, ...unit },
              color: colourOf('predictions of a confidence'),
            },
          },
          {
            data: { values: [0, 1].map(at => ({ at })) },
            mark: { type: 'line', strokeDash: [4, 3] },
            encoding: {
              x: { field: 'at', type: 'quantitative', ...unit },
              y: { field: 'at', type: 'quantitative', ...unit },
              color: colourOf('as right as it is sure'),
            },
          },
          {
            data: { values },
            mark: { type: 'point', filled: true, size: 36, opacity: 1 },
            encoding: {
              x: { field: 'confidence', type: 'quantitative', ...unit },
              y: { field: 'accuracy', type: 'quantitative', ...unit },
              color: colourOf('their mean confidence'),
            },
          },
        ],
      },
      {
        width: WIDTH,
        height: 50,
        data: { values },
        mark: { type: 'bar', opacity: 0.5 },
        encoding: {
          x: { ...x, title: 'confidence', axis: { format: '.0%', tickCount: 5 } },
          x2: { field: 'upper' },
          y: { field: 'share', type: 'quantitative', title: 'share', axis: { format: '.0%', tickCount: 3 } },
          color: colourOf('predictions of a confidence'),
        },
      },
    ],
  });
}
