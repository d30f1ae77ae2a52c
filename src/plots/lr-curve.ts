import { drawChart } from './chart.js';

/** Loss over learning rate on a logarithmic axis, as it was and smoothed, with a line at the rate that is suggested. */
export function learningRateCurve(
  title: string,
  points: readonly { readonly lr: number; readonly loss: number; readonly smoothed: number }[],
  suggestion: number,
): Promise<string> {
  const losses = points.flatMap(({ lr, loss, smoothed }) => [
    { lr, loss, which: 'of each batch' },
    { lr, loss: smoothed, which: 'smoothed' },
  ]);
  const lr = { field: 'lr', type: 'quantitative' as const, scale: { type: 'log' as const }, title: 'learning rate' };
  return drawChart({
    title,
    description: title,
    width: 480,
    height: 280,
    layer: [
      {
        data: { values: losses },
        mark: { type: 'line', clip: true },
        encoding: {
          x: { ...lr, axis: { format: '.0e' } },
          // What a diverging loss grows to would flatten all the rest.
          y: {
            field: 'loss',
            type: 'quantitative',
            title: 'loss',
            scale: { zero: false, domainMax: 1.5 * points[0]!.smoothed },
          },
          color: { field: 'which', type: 'nominal', title: null },
        },
      },
      {
        data: { values: [{ lr: suggestion }] },
        mark: { type: 'rule', strokeDash: [4, 4] },
        encoding: { x: lr },
      },
    ],
  });
}
