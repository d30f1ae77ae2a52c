import type { Module } from '../../nn/index.js';
import { backward, scope, Tensor } from '../../tensor/index.js';
import { RandomStream } from '../../util/random.js';
import { normaliseMap } from './cam.js';
import { explained, oneHot, type ExplainedBatch } from './target.js';

/** SmoothGrad's own choices (Smilkov et al. 2017, section 3.2). */
const SAMPLES = 25;
const NOISE = 0.15;
/** RandomStream's, for the noise; the data floor's end below 256 too (data/streams.ts). */
const NOISE_STREAM = 220;

/** Of how many copies with how much noise a map is the mean. */
export interface SmoothGradOptions {
  readonly seed?: number;
  readonly samples?: number;
  /** Deviation of the noise, as a share of the image's range. */
  readonly noise?: number;
}

/** Maps of images x (N,C,H,W), the first of which is number `start`; no parameter may require a gradient. */
export async function smoothGrad(
  model: Module,
  x: Tensor,
  given: Uint8Array | undefined,
  { samples = SAMPLES, noise = NOISE, seed = 0 }: SmoothGradOptions,
  start: number,
): Promise<ExplainedBatch> {
  const classes = await explained(model, x, given);
  const values = await x.data();
  const [count, channels, height, width] = x.shape as [number, number, number, number];
  const size = channels * height * width;
  const deviations = Array.from({ length: count }, (_, n) => noise * range(values.subarray(n * size, (n + 1) * size)));
  const sums = new Float64Array(count * height * width);
  for (let sample = 0; sample < samples; sample++) {
    const noisy = values.slice();
    for (let n = 0; n < count; n++) {
      const random = new RandomStream(seed, NOISE_STREAM, (start + n) * samples + sample);
      for (let i = n * size; i < (n + 1) * size; i++) noisy[i]! += deviations[n]! * random.normal();
    }
    const input = Tensor.from(noisy, x.shape, { device: x.device, requiresGrad: true }).keep();
    scope(() => {
      const logits = model.forward(input);
      backward(logits, oneHot(classes.classes, logits));
    });
    const gradient = await input.grad!.data();
    input.grad!.dispose();
    input.dispose();
    const plane = height * width;
    for (let i = 0; i < sums.length; i++) {
      const n = Math.floor(i / plane);
      let largest = 0;
      for (let c = 0; c < channels; c++)
        largest = Math.max(largest, Math.abs(gradient[n * size + c * plane + (i % plane)]!));
      sums[i]! += largest;
    }
  }
  const maps = new Float32Array(sums.length);
  const plane = height * width;
  for (let n = 0; n < count; n++) maps.set(normaliseMap(sums.subarray(n * plane, (n + 1) * plane)), n * plane);
  return { maps, ...classes };
}

function range(values: Float32Array): number {
  return values.reduce((a, b) => Math.max(a, b), -Infinity) - values.reduce((a, b) => Math.min(a, b), Infinity);
}
