import type { ViewAverage } from '../../kernels/index.js';
import { UserError } from '../../util/errors.js';
import type { Size } from './draw.js';
import { isGeometric, outputSize, stageCount, viewsOf, type GeometricStep } from './geometry.js';
import { stepsOf, type AugmentSpec, type Step } from './transforms.js';

/** Training draws; a test takes from the same spec what does not: sizes and crops. */
export type Phase = 'train' | 'test';

type BoxStep = Step<'random-erasing' | 'random-black-blocks' | 'central-black-block'>;

/** What one launch of shaders/augment.wgsl does, in this order. */
export interface ImagePass {
  readonly kind: 'images';
  readonly input: Size;
  readonly output: Size;
  readonly geometry: readonly GeometricStep[];
  readonly brightness: Step<'brightness'> | undefined;
  readonly contrast: Step<'contrast'> | undefined;
  readonly noise: Step<'gaussian-noise'> | undefined;
  readonly boxes: readonly BoxStep[];
  /** Of each sample. */
  readonly stages: number;
  /** Of a sample at most. */
  readonly boxCount: number;
  /** Samples that the pass makes of one of its input. */
  readonly views: number;
}

export interface BlurPass {
  readonly kind: 'blur';
  readonly blur: Step<'gaussian-blur'>;
}

/** A spec for images of one size, cut into launches. Transforms of one launch have the order that they have in the spec. */
export interface Plan {
  readonly passes: readonly (ImagePass | BlurPass)[];
  readonly output: Size;
  /** Samples that become of one image. */
  readonly views: number;
  /** Index of the step that makes the views: what stands before it is drawn once for all of them. */
  readonly viewsFrom: number;
  readonly average: ViewAverage;
  readonly mixes: readonly Step<'mixup' | 'cutmix'>[];
  /** Images are only normalised. */
  readonly idle: boolean;
}

/** Places of transforms within a pass; one that would have to go back begins the next. */
const RANK = { geometry: 0, brightness: 1, contrast: 2, noise: 3, boxes: 4 } as const;

/**
 * Plans a phase of a spec for images of a size.
 * @throws {UserError} where a transform does not fit the size
 */
export function planOf(spec: AugmentSpec, phase: Phase, size: Size): Plan {
  const steps = phase === 'train' ? trainSteps(spec) : testSteps(spec);
  const passes: (ImagePass | BlurPass)[] = [];
  const mixes: Step<'mixup' | 'cutmix'>[] = [];
  let draft = emptyPass(size);
  let rank: number = RANK.geometry;
  const close = () => {
    if (draft.geometry.length > 0 || rank > RANK.geometry) passes.push(finishPass(draft));
    draft = emptyPass(draft.output);
    rank = RANK.geometry;
  };
  /** Goes on to a place that may be taken once, or again where `repeats`. */
  const advance = (to: number, repeats: boolean) => {
    if (to < rank || (to === rank && !repeats)) close();
    rank = to;
  };
  for (const step of steps) {
    if (isGeometric(step)) {
      advance(RANK.geometry, true);
      draft.geometry.push(step);
      draft.output = outputSize(step, draft.output);
      continue;
    }
    switch (step.name) {
      case 'brightness':
        advance(RANK.brightness, false);
        draft.brightness = step;
        break;
      case 'contrast':
        advance(RANK.contrast, false);
        draft.contrast = step;
        break;
      case 'gaussian-noise':
        advance(RANK.noise, false);
        draft.noise = step;
        break;
      case 'random-erasing':
      case 'random-black-blocks':
      case 'central-black-block':
        advance(RANK.boxes, true);
        draft.boxes.push(step);
        break;
      case 'gaussian-blur':
        close();
        checkBlur(step, draft.output);
        passes.push({ kind: 'blur', blur: step });
        break;
      case 'mixup':
      case 'cutmix':
        mixes.push(step);
        break;
    }
  }
  close();
  const crops = steps.find(step => viewsOf(step) > 1);
  return {
    passes: passes.length > 0 ? passes : [finishPass(draft)],
    output: draft.output,
    views: crops ? viewsOf(crops) : 1,
    viewsFrom: crops?.index ?? Infinity,
    average: crops && 'average' in crops.options ? crops.options.average : 'softmax',
    mixes,
    idle: passes.length === 0 && mixes.length === 0,
  };
}

type Draft = {
  -readonly [
    K in Exclude<keyof ImagePass, 'kind' | 'stages' | 'boxCount' | 'views' | 'geometry' | 'boxes'>
  ]: ImagePass[K];
} & { geometry: GeometricStep[]; boxes: BoxStep[] };

function emptyPass(input: Size): Draft {
  return {
    ...{ input, output: input, geometry: [], boxes: [] },
    ...{ brightness: undefined, contrast: undefined, noise: undefined },
  };
}

function finishPass(draft: Draft): ImagePass {
  return {
    kind: 'images',
    ...draft,
    stages: stageCount(draft.geometry),
    boxCount: draft.boxes.reduce(
      (sum, step) => sum + (step.name === 'random-black-blocks' ? step.options.count : 1),
      0,
    ),
    views: draft.geometry.reduce((product, step) => product * viewsOf(step), 1),
  };
}

function checkBlur({ index, options }: Step<'gaussian-blur'>, { height, width }: Size): void {
  const [vertical, horizontal] = options['kernel-size'];
  if (vertical <= 2 * height - 1 && horizontal <= 2 * width - 1) return;
  throw new UserError(
    `augment entry ${index + 1} (gaussian-blur): images of ${width}x${height} have too few pixels for a kernel of ` +
      `${horizontal}x${vertical}`,
  );
}

function trainSteps(spec: AugmentSpec): Step[] {
  return stepsOf(spec).filter(step => viewsOf(step) === 1 || ('at' in step.options && step.options.at !== 'test'));
}

/**
 * What a test does: resizes and crops, the random ones replaced by the whole image and its middle. A random crop falls away
 * where five or ten crops are taken.
 */
export function testSteps(spec: AugmentSpec): Step[] {
  const steps = stepsOf(spec);
  const cut = steps.some(step => viewsOf(step) > 1 && 'at' in step.options && step.options.at !== 'train');
  return steps.filter(isGeometric).flatMap((step): Step[] => {
    const { index } = step;
    switch (step.name) {
      case 'resize':
      case 'center-crop':
        return [step];
      case 'resized-crop':
        return step.options.size ? [{ name: 'resize', index, options: { size: step.options.size } }] : [];
      case 'crop':
        return step.options.size && !cut ? [{ name: 'center-crop', index, options: { size: step.options.size } }] : [];
      case 'five-crop':
      case 'ten-crop':
        if (step.options.at !== 'train') return [step];
        return cut ? [] : [{ name: 'center-crop', index, options: { size: step.options.size } }];
      case 'horizontal-flip':
      case 'affine':
        return [];
    }
  });
}
