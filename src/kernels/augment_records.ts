/** x and y of a source pixel from an output pixel: [m00, m01, m02, m10, m11, m12], pixel centres at whole numbers. */
export type Affine = readonly [number, number, number, number, number, number];

/** What lies outside of a stage's rectangle: black, its nearest pixel, or the image mirrored at its border pixels. */
export type Fill = 'zero' | 'edge' | 'reflect';

/** One step from output to source coordinates. */
export interface AffineStage {
  readonly matrix: Affine;
  readonly fill: Fill;
  /** Centres of the border pixels that bound what the stage may read: x0, y0, x1, y1. */
  readonly sides: readonly [number, number, number, number];
}

/** A rectangle that is painted over: rows y0 to y1 − 1, columns x0 to x1 − 1. */
export interface Box {
  readonly x0: number;
  readonly y0: number;
  readonly x1: number;
  readonly y1: number;
  /** Of pixels in 0..1; `mean`: what normalisation turns into 0; `random`: what it turns into standard normal numbers. */
  readonly value: number | 'mean' | 'random';
}

/** What happens to one sample in one pass of shaders/augment.wgsl. What is absent does not happen to it. */
export interface AugmentSample {
  /** Which image of the batch it is made of. */
  readonly image: number;
  /** Two random words, from which the kernel makes the noise. */
  readonly keys: readonly [number, number];
  /** From the output's side to the source's. */
  readonly stages: readonly AffineStage[];
  readonly brightness?: number | undefined;
  readonly contrast?: number | undefined;
  readonly noise?: { readonly sigma: number; readonly mean: number; readonly clip: boolean } | undefined;
  readonly boxes: readonly Box[];
}

/** Stream of the kernel's noise; src/data/streams.ts keeps it free. */
export const NOISE_STREAM = 111;

const HEADER = 3;
const STAGE = 3;
const BOX = 2;
const ABSENT = -1;
const RULE: Readonly<Record<Fill, number>> = { zero: 0, edge: 1, reflect: 2 };

/** The samples of a pass as shaders/augment.wgsl reads them. Each has `stages` stages, and at most `boxes` boxes. */
export function packSamples(samples: readonly AugmentSample[], stages: number, boxes: number): Uint32Array {
  const record = 4 * (HEADER + STAGE * stages + BOX * boxes);
  const words = new Uint32Array(samples.length * record);
  const floats = new Float32Array(words.buffer);
  samples.forEach((sample, i) => {
    let at = i * record;
    words.set([sample.image, ...sample.keys], at);
    const { noise } = sample;
    floats.set([sample.brightness ?? ABSENT, sample.contrast ?? ABSENT], at + 4);
    floats.set(noise ? [noise.sigma, noise.mean, Number(noise.clip)] : [ABSENT], at + 8);
    at += 4 * HEADER;
    if (sample.stages.length !== stages || sample.boxes.length > boxes) {
      throw new Error(
        `a sample of ${stages} stages and ${boxes} boxes has ${sample.stages.length} and ${sample.boxes.length}`,
      );
    }
    for (const { matrix, fill, sides } of sample.stages) {
      floats.set(matrix.slice(0, 3), at);
      floats[at + 3] = RULE[fill];
      floats.set(matrix.slice(3), at + 4);
      floats.set(sides, at + 8);
      at += 4 * STAGE;
    }
    // What is left of the boxes stays 0: a rectangle without pixels.
    for (const { x0, y0, x1, y1, value } of sample.boxes) {
      floats.set([x0, y0, x1, y1], at);
      floats.set(value === 'mean' ? [1] : value === 'random' ? [2] : [0, value], at + 4);
      at += 4 * BOX;
    }
  });
  return words;
}
