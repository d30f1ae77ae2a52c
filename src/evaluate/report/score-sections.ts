import { confusionMatrixChart, groupedBars, reliabilityDiagram, unitCurves, type Bar } from '../../plots/index.js';
import type { Curve } from '../assessment.js';
import type { Interval } from '../metrics/bootstrap.js';
import type { RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { decimal, integer, percent } from './text.js';

/** Confusion matrix, scores of each class, curves and calibration. */
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
  const drawn = (curves: readonly Curve[]) => curves.map(curve => ({ ...curve, average: curve.class === undefined }));
  const sections: ReportSection[] = [
    {
      heading: 'Confusion matrix',
      text: 'Each row is a true class, each column what its images were taken for: share of the row, and images.',
      figures: [{ name: 'confusion-matrix', svg: await confusionMatrixChart('Confusion matrix', classes, confusion) }],
    },
    {
      heading: 'Classes',
      figures: [{ name: 'classes', svg: await groupedBars('Scores of each class', bars, 'score', { domain: [0, 1] }) }],
      table: [
        ['class', 'precision', 'recall', 'F1', 'ROC area', 'average precision', 'images', 'predicted'],
        ...perClass.map(scores => [
          ...[scores.name, percent(scores.precision), percent(scores.recall), decimal(scores.f1, 3)],
          ...[decimal(scores.rocAuc, 3), decimal(scores.averagePrecision, 3)],
          ...[integer(scores.support), integer(scores.predicted)],
        ]),
      ],
    },
  ];
  if (roc.curves.length > 0) {
    sections.push({
      heading: 'ROC and precision-recall',
      text: 'Each class against the rest.',
      figures: [
        {
          name: 'roc',
          svg: await unitCurves('Receiver operating characteristic', drawn(roc.curves), {
            ...{ x: 'false positive rate', y: 'true positive rate', chance: true },
          }),
        },
        {
          name: 'precision-recall',
          svg: await unitCurves('Precision over recall', drawn(precisionRecall.curves), {
            ...{ x: 'recall', y: 'precision' },
          }),
        },
      ],
    });
  }
  sections.push({
    heading: 'Calibration',
    text:
      `How often predictions of a confidence are right. Expected calibration error ${percent(calibration.expectedError)}, ` +
      `the largest of a bin ${percent(calibration.maximumError)}; dots are each bin's mean confidence.`,
    figures: [{ name: 'reliability', svg: await reliabilityDiagram('Reliability', calibration.bins) }],
  });
  return sections;
}

function whiskers(interval: Interval | null | undefined): { low?: number; high?: number } {
  return interval ? { low: interval.low, high: interval.high } : {};
}
