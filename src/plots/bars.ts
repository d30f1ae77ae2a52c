import { drawChart } from './chart.js';
import { LEGEND_BELOW } from './theme.js';

/** A value of a category in one series, with its interval where there is one. */
export interface Bar {
  readonly category: string;
  readonly series: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** Bars of the series side by side for each category, in the order given, with whiskers for intervals. */
export function groupedBars(
  title: string,
  bars: readonly Bar[],
  axis: string,
  { format = '.0%', domain }: { readonly format?: string; readonly domain?: readonly [number, number] } = {},
): Promise<string> {
  const categories = [...new Set(bars.map(({ category }) => category))];
  const series = [...new Set(bars.map(({ series }) => series))];
  const offset = { field: 'series', type: 'nominal' as const, sort: series };
  return drawChart({
    title,
    description: title,
    width: Math.max(260, categories.length * (16 * series.length + 18)),
    height: 240,
    data: { values: [...bars] },
    encoding: {
      x: {
        field: 'category',
        type: 'nominal',
        sort: categories,
        title: null,
        axis: { labelAngle: -30 },
        scale: { paddingInner: 0.2 },
      },
      xOffset: offset,
    },
    layer: [
      {
        mark: { type: 'bar' },
        encoding: {
          y: {
            field: 'value',
            type: 'quantitative',
            title: axis,
            axis: { format },
            ...(domain ? { scale: { domain: [...domain], nice: false } } : {}),
          },
          color: { ...offset, title: null, legend: series.length > 1 ? LEGEND_BELOW : null },
        },
      },
      ...(bars.some(({ low }) => low !== undefined)
        ? [
            {
              transform: [{ filter: 'isValid(datum.low)' }],
              mark: { type: 'rule' as const, strokeWidth: 1.2, color: 'currentColor' },
              encoding: { y: { field: 'low', type: 'quantitative' as const }, y2: { field: 'high' } },
            },
          ]
        : []),
    ],
  });
}
