import { epochCurves } from '../../plots/index.js';
import type { EpochRow } from '../../train/types.js';
import type { RunMaterial } from './material.js';
import type { ReportSection } from './section.js';

/** Loss, accuracy and learning rate over the epochs. */
export async function curveSections({ epochs }: Pick<RunMaterial, 'epochs'>): Promise<ReportSection[]> {
  if (epochs.length === 0) return [];
  const line = (name: string, key: keyof EpochRow) => ({
    name,
    points: epochs.map(row => ({ epoch: row.epoch, value: row[key] })),
  });
  return [
    {
      heading: 'Training',
      text: 'The training loss is the one that is minimised, class weights and label smoothing included; the validation loss is plain cross-entropy.',
      figures: [
        {
          name: 'loss',
          svg: await epochCurves(
            'Loss',
            [line('training', 'trainLoss'), line('validation', 'valLoss')],
            'loss',
            '~g',
            'small',
          ),
        },
        {
          name: 'accuracy',
          svg: await epochCurves(
            'Accuracy',
            [line('training', 'trainAccuracy'), line('validation', 'valAccuracy')],
            'accuracy',
            '.0%',
            'small',
          ),
        },
        {
          name: 'learning-rate',
          svg: await epochCurves('Learning rate', [line('rate', 'lr')], 'learning rate', '~g', 'small'),
        },
      ],
    },
  ];
}
