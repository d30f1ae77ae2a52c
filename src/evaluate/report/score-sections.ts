import { confusionMatrixChart, groupedBars, reliabilityDiagram, unitCurves, type Bar } from '../../plots/index.js';
import type { Curve } from '../assessment.js';
import type { Interval } from '../metrics/bootstrap.js';
import type { Figure } from './figures.js';
import type { RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { decimal, integer, percent } from './text.js';

/** Confusion matrix with the scores of each class, and curves with calibration. */
export async function scoreSections({ assessment }: Pick<RunMaterial, 'assessment'>): Promise<ReportSection[]> {
  const { classes, confusion, perClass, roc, precisionRecall, calibration, intervals } = assessment;
  const bars = perClass.flatMap((scores, k) =>
    (['precision', 'recall', 'f1'] as const).flatMap((key): Bar[] => {
      const value = scores[key];
      if (value === null) return [];
      const series = key === 'f1' ? 'F1' : key;
      return [{ category: scores.name, series, value, ...whiskers(intervals.perClass[k]?.[key]) }];
    }),
  );
  const matrix = await confusionMatrixChart('Confusion matrix', classes, confusion);
  const scores = await groupedBars('Scores of each class', bars, 'score', { domain: [0, 1] });
  return [
    {
      heading: 'Confusion matrix and classes',
      text:
        'Each row of the matrix is a true class, each column what its images were taken for: share of the row, and images. ' +
        'Lines on the bars are 95 % intervals.',
      figures: [
        { name: 'confusion-matrix', svg: matrix },
        { name: 'classes', svg: scores },
      ],
      table: [
        ['class', 'precision', 'recall', 'F1', 'ROC area', 'average precision', 'images', 'predicted'],
        ...perClass.map(scores => [
          ...[scores.name, percent(scores.precision), percent(scores.recall), decimal(scores.f1, 3)],
          ...[decimal(scores.rocAuc, 3), decimal(scores.averagePrecision, 3)],
          ...[integer(scores.support), integer(scores.predicted)],
        ]),
      ],
    },
    {
      heading: 'Curves and calibration',
      text: [
        ...(roc.curves.length > 0 ? ['Curves are of each class against the rest.'] : []),
        'Reliability is how often predictions of a confidence are right, which is to be as often as they are sure: expected ' +
          `calibration error ${percent(calibration.expectedError)}, the largest of a bin ${percent(calibration.maximumError)}.`,
      ].join('\n'),
      figures: [
        ...(roc.curves.length > 0 ? await curveFigures(roc.curves, precisionRecall.curves) : []),
        { name: 'reliability', svg: await reliabilityDiagram('Reliability', calibration.bins) },
      ],
    },
  ];
}

async function curveFigures(roc: readonly Curve[], precisionRecall: readonly Curve[]): Promise<Figure[]> {
  const drawn = (curves: readonly Curve[]) => curves.map(curve => ({ ...curve, average: curve.class === undefined }));
  return [
    {
      name: 'roc',
      svg: await unitCurves('ROC curves', drawn(roc), {
        ...{ x: 'false positive rate', y: 'true positive rate', area: 'area under the curve', chance: true },
      }),
    },
    {
      name: 'precision-recall',
      svg: await unitCurves('Precision-recall curves', drawn(precisionRecall), {
        ...{ x: 'recall', y: 'precision', area: 'average precision' },
      }),
    },
  ];
}

function whiskers(interval: Interval | null | undefined): { low?: number; high?: number } {
  return interval ? { low: interval.low, high: interval.high } : {};
}
