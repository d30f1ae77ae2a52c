import { drawChart } from './chart.js';

/** From here on a cell is dark enough for white text. */
const DARK = 0.55;
/** Wide enough for `100%` and `1,234`, and no wider: a matrix of eight classes fits a phone, larger ones are scrolled there. */
const CELL = 37;

/**
 * A confusion matrix: a cell for each true class (row) and predicted class (column), coloured by its share of the row.
 * Each cell says its share and, below, its count, and nothing where that is 0; rows of classes without images stay empty.
 */
export function confusionMatrixChart(
  title: string,
  classes: readonly string[],
  counts: readonly (readonly number[])[],
): Promise<string> {
  const values = counts.flatMap((row, t) => {
    const total = row.reduce((sum, count) => sum + count, 0);
    if (total === 0) return [];
    return row.map((count, p) => ({ truth: classes[t]!, predicted: classes[p]!, count, share: count / total }));
  });
  const side = CELL * classes.length;
  const axis = { type: 'nominal' as const, scale: { domain: [...classes] } };
  const text = (dy: number, field: string, format: string, fontSize: number) => ({
    transform: [{ filter: 'datum.count > 0' }],
    mark: { type: 'text' as const, dy, fontSize },
    encoding: {
      text: { field, type: 'quantitative' as const, format },
      color: {
        condition: { test: `datum.share > ${DARK}`, value: '#fff' },
        // On the light end of the scale, whatever the page's own colours are.
        value: '#1c1c1c',
      },
    },
  });
  return drawChart({
    title,
    description: title,
    width: side,
    height: side,
    data: { values },
    encoding: {
      x: { field: 'predicted', ...axis, title: 'predicted', axis: { labelAngle: -40, domain: false, ticks: false } },
      y: { field: 'truth', ...axis, title: 'true', axis: { domain: false, ticks: false } },
    },
    layer: [
      {
        mark: { type: 'rect', stroke: '#fff', strokeWidth: 1 },
        encoding: {
          color: {
            field: 'share',
            type: 'quantitative',
            scale: { scheme: 'blues', domain: [0, 1] },
            title: 'share of row',
            legend: { format: '.0%', values: [0, 0.5, 1], orient: 'bottom', gradientLength: Math.min(200, side) },
          },
        },
      },
      text(-6, 'share', '.0%', 11),
      text(9, 'count', ',', 10),
    ],
  });
}
