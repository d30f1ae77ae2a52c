import { epochCurves, groupedBars } from '../../plots/index.js';
import type { EpochRow } from '../../train/types.js';
import { bestRow } from '../../train/progress.js';
import { compareRuns, type RunComparison } from '../compare.js';
import type { BootstrapOptions } from '../metrics/bootstrap.js';
import { meanOf, type RunMaterial } from './material.js';
import type { ReportSection } from './section.js';
import { LEVEL, bytes, decimal, duration, integer, percent, percentInterval, speed } from './text.js';

/** Several runs side by side. `names` are what the report calls them, `bootstrap` what intervals of differences go by. */
export async function comparisonSections(
  materials: readonly RunMaterial[],
  names: readonly string[],
  bootstrap: BootstrapOptions = {},
): Promise<ReportSection[]> {
  const curve = async (title: string, key: keyof EpochRow, format: string) =>
    epochCurves(
      title,
      materials.map(({ epochs }, i) => ({
        name: names[i]!,
        points: epochs.map(row => ({ epoch: row.epoch, value: row[key] })),
      })),
      title.toLowerCase(),
      format,
      'small',
    );
  const row = (label: string, value: (material: RunMaterial) => string) => [label, ...materials.map(value)];
  const { classes } = materials[0]!.assessment;
  const same = materials.every(({ assessment }) => assessment.classes.join() === classes.join());
  const { comparisons, refused } = tested(materials, names, bootstrap);
  return [
    {
      heading: 'Side by side',
      ...(refused === undefined ? {} : { text: refused }),
      figures: [
        { name: 'validation-accuracy', svg: await curve('Validation accuracy', 'valAccuracy', '.0%') },
        { name: 'validation-loss', svg: await curve('Validation loss', 'valLoss', '~g') },
        {
          name: 'accuracies',
          svg: await groupedBars(
            'Accuracy with 95 % intervals',
            materials.map(({ assessment }, i) => ({
              ...{ category: names[i]!, series: 'accuracy', value: assessment.accuracy },
              ...(assessment.intervals.accuracy ?? {}),
            })),
            'accuracy',
          ),
        },
        ...(same
          ? [
              {
                name: 'recalls',
                svg: await groupedBars(
                  'Recall of each class',
                  classes.flatMap((category, k) =>
                    materials.flatMap(({ assessment }, i) => {
                      const value = assessment.perClass[k]!.recall;
                      return value === null ? [] : [{ category, series: names[i]!, value }];
                    }),
                  ),
                  'recall',
                  { domain: [0, 1] },
                ),
              },
            ]
          : []),
      ],
      table: [
        ['', ...names],
        row('model', ({ config }) => config.options.model),
        row('evaluated on', ({ assessment }) => `${assessment.split}, ${integer(assessment.count)} images`),
        row('accuracy', ({ assessment }) => percent(assessment.accuracy)),
        row(LEVEL, ({ assessment }) => percentInterval(assessment.intervals.accuracy)),
        row('balanced accuracy', ({ assessment }) => percent(assessment.balancedAccuracy)),
        row('macro F1', ({ assessment }) => decimal(assessment.macro.f1, 3)),
        row('loss', ({ assessment }) => decimal(assessment.loss)),
        row('area under ROC, macro', ({ assessment }) => decimal(assessment.roc.macro, 3)),
        row('calibration error', ({ assessment }) => percent(assessment.calibration.expectedError)),
        row('best validation accuracy', ({ epochs }) => percent(bestRow(epochs)?.valAccuracy)),
        row('epochs', ({ epochs }) => integer(epochs.length)),
        row('training time', ({ summary }) => duration(summary?.seconds)),
        row('an epoch', ({ epochs }) => duration(meanOf(epochs, 'seconds'))),
        row('training', ({ epochs }) => speed(meanOf(epochs, 'imagesPerSecond'))),
        row('inference', ({ evaluationRate }) => speed(evaluationRate)),
        row('parameters', ({ cost }) => integer(cost.parameters)),
        row('multiply-accumulates', ({ cost }) => integer(cost.macs)),
        row('activations of an image', ({ cost }) => bytes(cost.activationBytes)),
        row('weights as a file', ({ cost }) => bytes(cost.checkpointBytes)),
      ],
    },
    ...(comparisons.length === 0 ? [] : [testSection(comparisons)]),
  ];
}

function tested(
  materials: readonly RunMaterial[],
  names: readonly string[],
  bootstrap: BootstrapOptions,
): { comparisons: RunComparison[]; refused?: string } {
  const fingerprints = new Set(materials.map(({ predictions }) => predictions.labels.join()));
  if (fingerprints.size > 1) {
    return {
      comparisons: [],
      refused: 'The runs were evaluated on different images: their figures do not compare one to one.',
    };
  }
  const runs = materials.map(({ predictions }, i) => ({ name: names[i]!, predictions }));
  return { comparisons: compareRuns(runs, bootstrap) };
}

function testSection(comparisons: readonly RunComparison[]): ReportSection {
  return {
    heading: 'Is the difference more than chance?',
    text: "McNemar's test on the images that only one of the two gets right, p values adjusted by Holm.",
    table: [
      ['runs', 'difference in accuracy', LEVEL, 'p'],
      ...comparisons.map(({ first, second, difference, differenceInterval, adjustedPValue }) => [
        `${first} – ${second}`,
        percent(difference),
        percentInterval(differenceInterval),
        adjustedPValue < 0.0001 ? '< 0.0001' : decimal(adjustedPValue),
      ]),
    ],
  };
}
