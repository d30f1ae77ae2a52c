import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

/** A curve in the unit square. */
export interface UnitCurve {
  readonly name: string;
  readonly area: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** Drawn dashed: an average of the others. */
  readonly average?: boolean;
}

const SIDE = 320;
const share = { type: 'quantitative' as const, scale: { domain: [0, 1], nice: false } };

/** Curves with their areas in the legend; `chance` draws the diagonal that guessing would give. */
export function unitCurves(
  title: string,
  curves: readonly UnitCurve[],
  axes: { readonly x: string; readonly y: string; readonly chance?: boolean },
): Promise<string> {
  const label = ({ name, area }: UnitCurve) => `${name}  ${area.toFixed(3)}`;
  const values = curves.flatMap(curve =>
    curve.x.map((x, order) => ({ name: label(curve), x, y: curve.y[order]!, order, average: curve.average === true })),
  );
  const names = curves.map(label);
  return drawChart({
    title,
    description: title,
    width: SIDE,
    height: SIDE,
    layer: [
      ...(axes.chance === true
        ? [
            {
              data: { values: [0, 1].map(at => ({ x: at, y: at })) },
              mark: { type: 'line' as const, color: '#888', strokeDash: [2, 4] },
              encoding: { x: { field: 'x', ...share }, y: { field: 'y', ...share } },
            },
          ]
        : []),
      {
        data: { values },
        // In the order of the points: a curve may go straight up.
        mark: { type: 'line' as const, strokeWidth: 1.8 },
        encoding: {
          x: { field: 'x', ...share, title: axes.x },
          y: { field: 'y', ...share, title: axes.y },
          order: { field: 'order' },
          color: {
            field: 'name',
            type: 'nominal' as const,
            sort: names,
            scale: { domain: names, scheme: names.length > 10 ? 'tableau20' : 'tableau10' },
            title: 'area below',
            legend: legendBelow(names, SIDE),
          },
          strokeDash: {
            condition: { test: 'datum.average', value: [6, 3] },
            value: [1, 0],
          },
        },
      },
    ],
  });
}
