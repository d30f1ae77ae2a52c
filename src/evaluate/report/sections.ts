import { bestRow } from '../../train/progress.js';
import { curveSections } from './curve-sections.js';
import { errorSections } from './error-sections.js';
import { lookSections } from './look-sections.js';
import { meanOf, type RunMaterial } from './material.js';
import { scoreSections } from './score-sections.js';
import type { ReportSection } from './section.js';
import { bytes, decimal, duration, integer, interval, percent, percentInterval, speed } from './text.js';

/** Everything about one run, section by section. */
export async function runSections(material: RunMaterial): Promise<ReportSection[]> {
  return [
    summarySection(material),
    ...(await curveSections(material)),
    ...(await scoreSections(material)),
    ...(await errorSections(material)),
    ...(await lookSections(material)),
    costSection(material),
    {
      heading: 'Recipe',
      text: 'A file with this content repeats the run: facegrad train --recipe <file>',
      code: material.recipe,
    },
    {
      heading: 'Environment',
      table: [['', ''], ...Object.entries(material.environment)],
    },
  ];
}

function summarySection({ summary, config, assessment, missing, faults, epochs }: RunMaterial): ReportSection {
  const { accuracy, macro, calibration, intervals, split, count, balancedAccuracy, errors } = assessment;
  const best = bestRow(epochs);
  const withoutCopies = errors.duplicates.at(-1)?.deduplicated;
  return {
    heading: 'Summary',
    text: [
      `${config.options.model}, trained on ${config.data.name}; the weights of epoch ${best?.epoch ?? 0} of ${epochs.length}, chosen on ` +
        `validation, evaluated on ${integer(count)} ${split} images. Ranges are 95 % bootstrap intervals.`,
      'What a network tells is an apparent expression in a picture, not what a person feels.',
      ...assessment.notes,
      ...[...faults, ...missing].map(reason => `Left out: ${reason}.`),
    ].join('\n'),
    tiles: [
      { name: `accuracy, ${split}`, value: percent(accuracy), note: percentInterval(intervals.accuracy) },
      {
        name: 'balanced accuracy',
        value: percent(balancedAccuracy),
        note: percentInterval(intervals.balancedAccuracy),
      },
      { name: 'macro F1', value: decimal(macro.f1, 3), note: interval(intervals.macroF1) },
      {
        name: 'area under ROC, macro',
        value: decimal(assessment.roc.macro, 3),
        note: interval(intervals.rocAucMacro),
      },
      {
        name: 'calibration error',
        value: percent(calibration.expectedError),
        note: percentInterval(intervals.calibrationError),
      },
      ...(withoutCopies
        ? [
            {
              name: 'accuracy without copies',
              value: percent(withoutCopies.accuracy),
              note: `${integer(withoutCopies.count)} images`,
            },
          ]
        : []),
    ],
    table: [
      ['', ''],
      ['best validation accuracy', percent(best?.valAccuracy)],
      ['loss (cross-entropy)', decimal(assessment.loss)],
      ['top-2 accuracy', percent(assessment.top2Accuracy)],
      ['weighted F1', decimal(assessment.weighted.f1, 3)],
      ["Cohen's kappa", decimal(assessment.cohenKappa, 3)],
      ['Matthews correlation', decimal(assessment.matthews, 3)],
      ['average precision, macro', decimal(assessment.precisionRecall.macro, 3)],
      ['training time', duration(summary?.seconds)],
    ],
  };
}

function costSection({ cost, config, epochs, evaluationRate }: RunMaterial): ReportSection {
  const [channels, height, width] = cost.input;
  return {
    heading: 'Cost',
    text: 'Speeds are those of this run and of this evaluation, with all else that the machine had to do.',
    table: [
      ['', ''],
      ['parameters', integer(cost.parameters)],
      [`multiply-accumulates of an image (${channels}×${height}×${width})`, integer(cost.macs)],
      ['activations of an image', bytes(cost.activationBytes)],
      ['weights as a file', bytes(cost.checkpointBytes)],
      [`training, batches of ${config.options.batchSize}`, speed(meanOf(epochs, 'imagesPerSecond'))],
      ['an epoch, validation included', duration(meanOf(epochs, 'seconds'))],
      ['inference', speed(evaluationRate)],
    ],
  };
}
