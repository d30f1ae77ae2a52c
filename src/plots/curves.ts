import { drawChart } from './chart.js';
import { legendBelow } from './theme.js';

/** A curve in the unit square. */
export interface UnitCurve {
  readonly name: string;
  readonly area: number;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** An average of the others: drawn dashed. */
  readonly average?: boolean;
}

/** Three such figures fit side by side on a page, one on a phone. */
const SIDE = 270;
const DASHES = [6, 3];
const share = { type: 'quantitative' as const, scale: { domain: [0, 1], nice: false } };

/** Curves with their areas, called `area`, in the legend; `chance` draws the diagonal that guessing would give. */
export function unitCurves(
  title: string,
  curves: readonly UnitCurve[],
  axes: { readonly x: string; readonly y: string; readonly area: string; readonly chance?: boolean },
): Promise<string> {
  const label = ({ name, area }: UnitCurve) => `${name}  ${area.toFixed(3)}`;
  const values = curves.flatMap(curve =>
    curve.x.map((x, order) => ({ name: label(curve), x, y: curve.y[order]!, order })),
  );
  const names = curves.map(label);
  // Colour and dashes say the same, so that they share one legend.
  const legend = { title: axes.area, legend: legendBelow(names, SIDE) };
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
            ...legend,
          },
          strokeDash: {
            field: 'name',
            type: 'nominal' as const,
            sort: names,
            scale: { domain: names, range: curves.map(({ average }) => (average === true ? DASHES : [1, 0])) },
            ...legend,
          },
        },
      },
    ],
  });
}
