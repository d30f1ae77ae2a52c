import type { Device } from '../../gpu/device.js';
import {
  augmentImages,
  gaussianBlur,
  mixImages,
  packImages,
  type AugmentNormalisation,
  type AugmentSample,
  type AugmentSource,
  type Box,
  type ViewAverage,
} from '../../kernels/index.js';
import type { Tensor } from '../../tensor/index.js';
import { UserError } from '../../util/errors.js';
import { between, centralBlock, drawBlackBlocks, drawErasing, drawsOf, type Presentation, type Size } from './draw.js';
import { moveOf, outputSize, stagesOf } from './geometry.js';
import { drawMixes, type LabelledMix } from './mix.js';
import { planOf, type BlurPass, type ImagePass, type Phase, type Plan } from './plan.js';
import type { AugmentSpec, Step } from './transforms.js';

/** Entry number of the keys of a pass's noise: above those of a spec's entries. */
const KEYS = 60;

/** A batch after augmentation. */
export interface AugmentedImages {
  /** (N·views,C,H,W), normalised; the views of an image one after the other. */
  readonly x: Tensor;
  /** How the samples were mixed; undefined where the spec has neither mixup nor cutmix. */
  readonly mixes: LabelledMix[] | undefined;
}

/** Augments batches of images by a spec: draws on the host, does the rest on the GPU. */
export class Augmenter {
  readonly #plan: Plan;

  /**
   * @throws {UserError} where a transform does not fit the images' size
   */
  constructor(
    spec: AugmentSpec,
    private readonly phase: Phase,
    private readonly image: { readonly channels: number } & Size,
    private readonly normalisation: AugmentNormalisation,
    private readonly seed = 0,
  ) {
    this.#plan = planOf(spec, phase, image);
  }

  /** Of the samples that come out. */
  get output(): Size {
    return this.#plan.output;
  }

  /** Whether images are only normalised. */
  get idle(): boolean {
    return this.#plan.idle;
  }

  /** Samples that become of one image. */
  get views(): number {
    return this.#plan.views;
  }

  /** Whether the network's answers to the views of an image become one, as in a test; else each view is a sample. */
  get averages(): boolean {
    return this.phase === 'test' && this.views > 1;
  }

  /** How the network's answers to the views of an image become one. */
  get average(): ViewAverage {
    return this.#plan.average;
  }

  /** Whether labels become probabilities. */
  get mixes(): boolean {
    return this.#plan.mixes.length > 0;
  }

  /**
   * Augments and normalises images.
   *
   * @param bytes (N,H,W,C)
   * @param at the epoch, and the place of the first image in its order
   */
  apply(bytes: Uint8Array, at: Omit<Presentation, 'seed'>, device: Device): AugmentedImages {
    const { channels, height, width } = this.image;
    const { passes, mixes: steps, views, output } = this.#plan;
    const images = bytes.length / (channels * height * width);
    const presentation = (i: number): Presentation => ({ ...at, seed: this.seed, position: at.position + i });
    let source: AugmentSource = packImages(bytes, this.image, device);
    let perImage = 1;
    passes.forEach((pass, i) => {
      const last = i === passes.length - 1;
      const grown = pass.kind === 'images' ? pass.views : 1;
      perImage *= grown;
      const sampleCount = images * perImage;
      const sampleOf = (n: number) => ({
        at: presentation(Math.floor(n / perImage)),
        view: n % perImage,
        image: Math.floor(n / grown),
      });
      const data =
        pass.kind === 'images'
          ? augmentImages(
              source,
              Array.from({ length: sampleCount }, (_, n) => this.#draw(pass, i, sampleOf(n))),
              {
                ...{ height: pass.output.height, width: pass.output.width, stages: pass.stages, boxes: pass.boxCount },
                ...{ contrast: pass.contrast !== undefined, normalisation: this.normalisation, normalise: last },
              },
            )
          : gaussianBlur(
              source,
              Array.from({ length: sampleCount }, (_, n) => this.#drawBlur(pass, sampleOf(n))),
              pass.blur.options['kernel-size'],
              { normalisation: this.normalisation, normalise: last },
            );
      source.data.dispose();
      source = { data, channels, height: data.shape[2]!, width: data.shape[3]! };
    });
    if (steps.length === 0) return { x: source.data, mixes: undefined };
    const mixes = drawMixes(steps, images * views, presentation(0), output);
    const x = mixImages(source.data, mixes);
    source.data.dispose();
    return { x, mixes };
  }

  #draw(pass: ImagePass, number: number, { at, view, image }: Sample): AugmentSample {
    const drawn = (step: Step) => drawsOf(at, step.index, step.index > this.#plan.viewsFrom ? view : 0);
    let size = pass.input;
    const moves = pass.geometry.map(step => {
      const move = moveOf(step, size, drawn(step), view);
      size = outputSize(step, size);
      return move;
    });
    const factorOf = (step: Step<'brightness' | 'contrast'> | undefined) => {
      const random = step && happening(step, drawn(step));
      return random && between(random, step.options.factor);
    };
    const { brightness, contrast, noise, boxes } = pass;
    const noisy = noise && happening(noise, drawn(noise));
    return {
      image,
      keys: noisy || boxes.length > 0 ? this.#keys(at, view, number) : [0, 0],
      stages: stagesOf(moves, pass.input),
      brightness: factorOf(brightness),
      contrast: factorOf(contrast),
      noise: noisy && noise.options,
      boxes: boxes.flatMap(step => boxesOf(step, drawn(step), pass.output)),
    };
  }

  /** Two words that no other pass, view or sample has. */
  #keys(at: Presentation, view: number, pass: number): [number, number] {
    const random = drawsOf(at, KEYS, view);
    for (let i = 0; i < 2 * pass; i++) random.uint32();
    return [random.uint32(), random.uint32()];
  }

  #drawBlur({ blur }: BlurPass, { at, view }: Sample): number | undefined {
    const random = happening(blur, drawsOf(at, blur.index, blur.index > this.#plan.viewsFrom ? view : 0));
    return random && between(random, blur.options.sigma);
  }
}

interface Sample {
  readonly at: Presentation;
  readonly view: number;
  /** In the pass's input. */
  readonly image: number;
}

/** The numbers to draw a step's parameters from, if it happens. */
function happening<R extends { uniform: () => number }>(step: { options: { p: number } }, random: R): R | undefined {
  return random.uniform() < step.options.p ? random : undefined;
}

function boxesOf(step: ImagePass['boxes'][number], draws: ReturnType<typeof drawsOf>, size: Size): Box[] {
  const random = happening(step, draws);
  if (!random) return [];
  switch (step.name) {
    case 'random-erasing':
      return drawErasing(step.options, random, size);
    case 'random-black-blocks':
      return drawBlackBlocks(step.options, random, size);
    case 'central-black-block':
      return centralBlock(step.options, size);
  }
}

/**
 * What a spec makes of training images and of test images; undefined where they stay as they are.
 * @throws {UserError} where a transform does not fit the images' size, or both kinds come out in different sizes
 */
export function augmentersFor(
  spec: AugmentSpec | undefined,
  image: { readonly channels: number } & Size,
  normalisation: AugmentNormalisation,
  seed = 0,
): { train: Augmenter | undefined; test: Augmenter | undefined; output: Size } {
  const { channels, height, width } = image;
  if (spec === undefined || spec.length === 0) return { train: undefined, test: undefined, output: { height, width } };
  if (channels !== 1 && channels !== 3) {
    throw new UserError(`augmentation is for images of 1 or 3 channels, not ${channels}`);
  }
  const [train, test] = (['train', 'test'] as const).map(
    phase => new Augmenter(spec, phase, image, normalisation, seed),
  ) as [Augmenter, Augmenter];
  const { output } = train;
  if (output.height !== test.output.height || output.width !== test.output.width) {
    throw new UserError(
      `augment: training images come out as ${output.width}x${output.height}, test images as ` +
        `${test.output.width}x${test.output.height}; give the sizes of crops and resizes so that they agree`,
    );
  }
  return { train: train.idle ? undefined : train, test: test.idle ? undefined : test, output };
}
