import type { Mix } from '../../kernels/index.js';
import type { RandomStream } from '../../util/random.js';
import { drawBeta, drawsOf, type Presentation, type Size } from './draw.js';
import type { Step } from './transforms.js';

type MixStep = Step<'mixup' | 'cutmix'>;

/** A sample's mix with the one before it in the batch, and how much of its label it keeps. */
export interface LabelledMix extends Mix {
  readonly label: number;
}

/** View number of draws per sample: the first sample of a batch draws for the batch too. */
const PER_SAMPLE = 1;

const UNMIXED: LabelledMix = { share: 1, box: [0, 0, 0, 0], label: 1 };

/**
 * How the samples of a batch are mixed, the first of which stands at `at`. Where a spec has both mixup and cutmix, each batch
 * takes one of the two with equal chance, as timm's Mixup does by default (switch_prob 0.5).
 */
export function drawMixes(steps: readonly MixStep[], samples: number, at: Presentation, size: Size): LabelledMix[] {
  const ofBatch = drawsOf(at, steps[0]!.index);
  const step = steps[ofBatch.integer(steps.length)]!;
  if (step.options.per === 'batch') return new Array<LabelledMix>(samples).fill(mixOf(step, ofBatch, size));
  return Array.from({ length: samples }, (_, i) =>
    mixOf(step, drawsOf({ ...at, position: at.position + i }, step.index, PER_SAMPLE), size),
  );
}

/** λ from Beta(alpha, alpha). Cutmix: torchvision.transforms.v2.CutMix's box, and the label's share by the area that is left. */
function mixOf(step: MixStep, random: RandomStream, size: Size): LabelledMix {
  const { alpha, p } = step.options;
  if (random.uniform() >= p) return UNMIXED;
  const lambda = drawBeta(alpha, random);
  const { height, width } = size;
  if (step.name === 'mixup') return { share: lambda, box: [0, 0, width, height], label: lambda };
  const x = random.integer(width);
  const y = random.integer(height);
  const half = 0.5 * Math.sqrt(1 - lambda);
  const [halfWidth, halfHeight] = [Math.trunc(half * width), Math.trunc(half * height)];
  const box = [
    Math.max(x - halfWidth, 0),
    Math.max(y - halfHeight, 0),
    Math.min(x + halfWidth, width),
    Math.min(y + halfHeight, height),
  ] as const;
  return { share: 0, box, label: 1 - ((box[2] - box[0]) * (box[3] - box[1])) / (width * height) };
}

/** Target probabilities (N,K) after the mix: label·own + (1 − label)·those of the sample before. */
export function mixTargets(targets: Float32Array, classes: number, mixes: readonly LabelledMix[]): Float32Array {
  const mixed = new Float32Array(targets.length);
  mixes.forEach(({ label }, n) => {
    const before = (n + mixes.length - 1) % mixes.length;
    for (let k = 0; k < classes; k++) {
      mixed[n * classes + k] = label * targets[n * classes + k]! + (1 - label) * targets[before * classes + k]!;
    }
  });
  return mixed;
}

/** Probabilities (N,K) that are 1 at the label. */
export function oneHot(labels: Uint32Array, classes: number): Float32Array {
  const targets = new Float32Array(labels.length * classes);
  labels.forEach((label, n) => (targets[n * classes + label] = 1));
  return targets;
}

/** The classes that keep the larger share of the mix, against which training accuracy is counted; own ones at a draw. */
export function mixLabels(labels: Uint32Array, mixes: readonly LabelledMix[]): Uint32Array {
  return Uint32Array.from(labels, (own, n) =>
    mixes[n]!.label >= 0.5 ? own : labels[(n + labels.length - 1) % labels.length]!,
  );
}
