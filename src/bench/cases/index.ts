import type { NetworkWork } from '../work.js';
import type { BenchCase } from './case.js';
import { kernelCases } from './kernels.js';

export { leftOut, type BenchCase } from './case.js';

/** The networks that are timed: side of the images, and batch of a training step. */
const NETWORKS = [
  ['simple-cnn', 48, 64],
  ['improved-cnn', 48, 64],
  ['gap-cnn', 48, 64],
  ['mini-resnet', 48, 64],
  ['resnet18', 48, 32],
  ['efficientnet-b0', 96, 16],
] as const;

function network(kind: NetworkWork['kind'], model: string, size: number, batch: number): BenchCase {
  const name = kind === 'train' ? `train/${model}` : `infer/${model}-b${batch}`;
  return { name, work: { kind, model, size, batch }, amount: batch, unit: 'images/s', flops: 0 };
}

/** Everything that can be timed, in the order in which it is shown. */
export const cases: readonly BenchCase[] = [
  ...kernelCases,
  ...NETWORKS.map(([model, size, batch]) => network('train', model, size, batch)),
  ...NETWORKS.flatMap(([model, size]) => [1, 64].map(batch => network('infer', model, size, batch))),
  ...(['help', 'first-step-cold', 'first-step-warm'] as const).map((what): BenchCase => ({
    ...{ name: `start/${what}`, work: { kind: 'start', what }, amount: 1, unit: 'runs/s', flops: 0 },
  })),
];
