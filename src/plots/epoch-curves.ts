import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

const WIDTH = 420;

/** A line for each run: its value after each epoch. `format` is one of d3's, such as `.0%`. */
export function epochCurves(
  title: string,
  series: readonly {
    readonly name: string;
    readonly points: readonly { readonly epoch: number; readonly value: number }[];
  }[],
  axis: string,
  format?: string,
): Promise<string> {
  const values = series.flatMap(({ name, points }) => points.map(({ epoch, value }) => ({ name, epoch, value })));
  const epochs = Math.max(1, ...values.map(({ epoch }) => epoch));
  return drawChart({
    title,
    description: title,
    width: WIDTH,
    height: 280,
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
        sort: series.map(({ name }) => name),
        scale: { scheme: series.length > 10 ? 'tableau20' : 'tableau10' },
        title: null,
        legend: legendBelow(
          series.map(({ name }) => name),
          WIDTH,
        ),
      },
    },
  });
}
