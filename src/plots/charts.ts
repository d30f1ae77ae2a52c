import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

/** One part of a bar, a slice of a pie. */
export interface Share {
  readonly category: string;
  readonly count: number;
}

/** Side of a pie with the room around it, and width of a histogram. */
const PIE = 240;
const HISTOGRAM = 320;

const count = (field: string) => ({ field, type: 'quantitative' as const });

/** A bar for each category, made of the parts that the series give to it; categories and series keep their order. */
export function stackedBars(
  title: string,
  series: readonly { readonly name: string; readonly shares: readonly Share[] }[],
  axis: string,
): Promise<string> {
  const values = series.flatMap(({ name, shares }, order) =>
    shares.map(share => ({ category: share.category, count: share.count, series: name, order })),
  );
  const categories = [...new Set(values.map(({ category }) => category))];
  const names = series.map(({ name }) => name);
  // Room for a number of four digits over each bar.
  const width = Math.max(260, 42 * categories.length);
  return drawChart({
    title,
    description: title,
    width,
    height: 240,
    data: { values },
    encoding: { x: { field: 'category', type: 'nominal', sort: categories, title: null, axis: { labelAngle: -30 } } },
    layer: [
      {
        mark: 'bar',
        encoding: {
          y: { ...count('count'), stack: 'zero', title: axis },
          color: { field: 'series', type: 'nominal', sort: names, title: null, legend: legendBelow(names, width) },
          order: { field: 'order' },
        },
      },
      {
        mark: { type: 'text', dy: -6 },
        encoding: {
          y: { aggregate: 'sum', ...count('count') },
          text: { aggregate: 'sum', ...count('count'), format: ',' },
        },
      },
    ],
  });
}

/** A slice for each category; the legend tells its share of all, so that thin slices can be read too. */
export function pie(title: string, shares: readonly Share[]): Promise<string> {
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  const values = shares.map(({ category, count }, order) => ({
    label: `${category}  ${((100 * count) / total).toFixed(1)} %`,
    count,
    order,
  }));
  const labels = values.map(({ label }) => label);
  return drawChart({
    title,
    description: title,
    width: PIE,
    height: PIE,
    data: { values },
    mark: { type: 'arc', outerRadius: 110 },
    encoding: {
      theta: { ...count('count'), stack: true },
      order: { field: 'order' },
      color: {
        field: 'label',
        type: 'nominal',
        sort: labels,
        scale: { scheme: values.length > 10 ? 'tableau20' : 'tableau10' },
        title: null,
        legend: legendBelow(labels, PIE),
      },
    },
  });
}

/** How often each byte occurs, in per cent of all: an area for each series, over one another. */
export function byteHistogram(
  title: string,
  series: readonly { readonly name: string; readonly colour: string; readonly histogram: ArrayLike<number> }[],
  axis: string,
): Promise<string> {
  const values = series.flatMap(({ name, histogram }) => {
    const counts = Array.from(histogram);
    const total = counts.reduce((sum, times) => sum + times, 0);
    // The last step is drawn up to 256.
    const steps = [...counts, counts.at(-1)!];
    return steps.map((times, value) => ({ series: name, value, share: total === 0 ? 0 : times / total }));
  });
  const names = series.map(({ name }) => name);
  return drawChart({
    title,
    description: title,
    width: HISTOGRAM,
    height: 220,
    data: { values },
    mark: { type: 'area', interpolate: 'step-after', opacity: series.length > 1 ? 0.5 : 0.9 },
    encoding: {
      x: {
        field: 'value',
        type: 'quantitative',
        scale: { domain: [0, 256], nice: false },
        title: axis,
        axis: { values: [0, 64, 128, 192, 255] },
      },
      y: { field: 'share', type: 'quantitative', stack: null, title: 'share of pixels', axis: { format: '.1%' } },
      color: {
        field: 'series',
        type: 'nominal',
        scale: { domain: names, range: series.map(({ colour }) => colour) },
        title: null,
        legend: series.length > 1 ? legendBelow(names, HISTOGRAM) : null,
      },
    },
  });
}
