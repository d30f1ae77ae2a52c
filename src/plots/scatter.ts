import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

const WIDTH = 380;

/** Points of the plane coloured by class; those that were taken for another class are drawn as crosses. */
export function scatter(
  title: string,
  points: readonly { readonly x: number; readonly y: number; readonly series: string; readonly wrong: boolean }[],
  series: readonly string[],
): Promise<string> {
  const plain = (field: string) => ({
    field,
    type: 'quantitative' as const,
    // The plane of an embedding has no units.
    axis: null,
    scale: { zero: false, nice: false },
  });
  return drawChart({
    title,
    description: title,
    width: WIDTH,
    height: 360,
    data: { values: points.map(({ wrong, ...point }) => ({ ...point, answer: wrong ? 'wrong' : 'right' })) },
    mark: { type: 'point', filled: true, size: 26, opacity: 0.8 },
    encoding: {
      x: plain('x'),
      y: plain('y'),
      color: {
        field: 'series',
        type: 'nominal',
        sort: [...series],
        scale: { domain: [...series], scheme: series.length > 10 ? 'tableau20' : 'tableau10' },
        title: 'true class',
        legend: legendBelow(series, WIDTH),
      },
      shape: {
        field: 'answer',
        type: 'nominal',
        scale: { domain: ['right', 'wrong'], range: ['circle', 'cross'] },
        title: 'prediction',
        legend: { ...legendBelow(['right', 'wrong'], WIDTH), symbolFillColor: 'currentColor' },
      },
    },
  });
}
