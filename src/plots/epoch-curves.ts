import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

/** Three small figures fit side by side on a page, one on a phone; a large one stands for itself. */
const SIZES = { small: { width: 270, height: 210 }, large: { width: 420, height: 280 } } as const;

/** A line for each run: its value after each epoch. `format` is one of d3's, such as `.0%`. */
export function epochCurves(
  title: string,
  series: readonly {
    readonly name: string;
    readonly points: readonly { readonly epoch: number; readonly value: number }[];
  }[],
  axis: string,
  format?: string,
  size: keyof typeof SIZES = 'large',
): Promise<string> {
  const values = series.flatMap(({ name, points }) => points.map(({ epoch, value }) => ({ name, epoch, value })));
  const names = series.map(({ name }) => name);
  const epochs = Math.max(1, ...values.map(({ epoch }) => epoch));
  return drawChart({
    title,
    description: title,
    ...SIZES[size],
    data: { values },
    // A run of one epoch has no line.
    mark: { type: 'line', point: { size: 16 } },
    encoding: {
      x: {
        field: 'epoch',
        type: 'quantitative',
        title: 'epoch',
        scale: { domain: [1, Math.max(2, epochs)], nice: false },
        axis: { tickMinStep: 1, format: 'd' },
      },
      y: {
        field: 'value',
        type: 'quantitative',
        title: axis,
        scale: { zero: false },
        axis: format === undefined ? {} : { format },
      },
      color: {
        field: 'name',
        type: 'nominal',
        sort: names,
        scale: { scheme: series.length > 10 ? 'tableau20' : 'tableau10' },
        title: null,
        // One line is called what its axis is.
        legend: series.length > 1 ? legendBelow(names, SIZES[size].width) : null,
      },
    },
  });
}
