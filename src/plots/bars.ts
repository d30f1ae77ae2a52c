import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

/** A value of a category in one series, with its interval where there is one. */
export interface Bar {
  readonly category: string;
  readonly series: string;
  readonly value: number;
  readonly low?: number;
  readonly high?: number;
}

/** Upright bars that would be wider than this lie: a phone shows no more without scrolling. */
const WIDEST = 340;
const LYING_WIDTH = 270;
/** Of an upright bar, of the gap beside a category's bars, and the least of all. */
const BAR = 11;
const BESIDE = 14;
const NARROWEST = 210;

/**
 * Bars of the series side by side for each category, in the order given, with whiskers for intervals. Of many categories the
 * bars lie, one category below the other.
 */
export function groupedBars(
  title: string,
  bars: readonly Bar[],
  axis: string,
  { format = '.0%', domain }: { readonly format?: string; readonly domain?: readonly [number, number] } = {},
): Promise<string> {
  const categories = [...new Set(bars.map(({ category }) => category))];
  const series = [...new Set(bars.map(({ series }) => series))];
  const upright = Math.max(NARROWEST, categories.length * (BAR * series.length + BESIDE));
  const lying = upright > WIDEST;
  const width = lying ? LYING_WIDTH : upright;
  const offset = { field: 'series', type: 'nominal' as const, sort: series };
  const category = {
    field: 'category',
    type: 'nominal' as const,
    sort: categories,
    title: null,
    axis: { labelAngle: lying ? 0 : -30 },
    scale: { paddingInner: 0.2 },
  };
  const value = {
    field: 'value',
    type: 'quantitative' as const,
    title: axis,
    axis: { format },
    ...(domain ? { scale: { domain: [...domain], nice: false } } : {}),
  };
  const low = { field: 'low', type: 'quantitative' as const };
  const high = { field: 'high' };
  return drawChart({
    title,
    description: title,
    width,
    height: lying ? categories.length * (10 * series.length + 8) : 210,
    data: { values: [...bars] },
    encoding: lying ? { y: category, yOffset: offset } : { x: category, xOffset: offset },
    layer: [
      {
        mark: { type: 'bar' },
        encoding: {
          ...(lying ? { x: value } : { y: value }),
          color: { ...offset, title: null, legend: series.length > 1 ? legendBelow(series, width) : null },
        },
      },
      ...(bars.some(({ low }) => low !== undefined)
        ? [
            {
              transform: [{ filter: 'isValid(datum.low)' }],
              mark: { type: 'rule' as const, strokeWidth: 1.2, color: 'currentColor' },
              encoding: lying ? { x: low, x2: high } : { y: low, y2: high },
            },
          ]
        : []),
    ],
  });
}
