import { drawChart } from './chart.js';

/** From here on a cell is dark enough for white text. */
const DARK = 0.55;
const CELL = 52;
/** Of more than MANY classes the cells are smaller, so that a phone does not shrink the figure beyond reading. */
const SMALL_CELL = 40;
const MANY = 8;

/**
 * A confusion matrix: a cell for each true class (row) and predicted class (column), coloured by its share of the row.
 * Each cell says its share and, below, its count; rows of classes without images stay empty.
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
  const many = classes.length > MANY;
  const side = (many ? SMALL_CELL : CELL) * classes.length;
  const axis = { type: 'nominal' as const, scale: { domain: [...classes] } };
  const text = (dy: number, field: string, format: string, fontSize: number) => ({
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
            legend: { format: '.0%', orient: 'bottom', gradientLength: Math.min(200, side) },
          },
        },
      },
      text(-6, 'share', '.0%', many ? 11 : 12),
      text(10, 'count', ',', many ? 9 : 10),
    ],
  });
}
