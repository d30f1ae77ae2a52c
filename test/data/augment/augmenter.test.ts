import { beforeAll, describe, expect, it } from 'vitest';
import { Augmenter, augmentersFor } from '../../../src/data/augment/augmenter.js';
import { between, drawAffine, drawErasing, drawResizedCrop, drawsOf } from '../../../src/data/augment/draw.js';
import { presetSpec, PRESET_NAMES } from '../../../src/data/augment/presets.js';
import { resolveSpec } from '../../../src/data/augment/spec.js';
import { stepsOf, type Step, type TransformName, type TransformOptions } from '../../../src/data/augment/transforms.js';
import type { Device } from '../../../src/gpu/device.js';
import { normaliseImages } from '../../../src/kernels/index.js';
import { setDefaultDevice } from '../../../src/tensor/index.js';
import { RandomStream } from '../../../src/util/random.js';
import { pathNames, paths } from '../../devices.js';
import { expectClose } from '../../kernels/check.js';
import * as reference from '../../reference/augment.js';
import type { RefImage } from '../../reference/augment.js';

interface Shape {
  channels: 1 | 3;
  height: number;
  width: number;
}

const grey: Shape = { channels: 1, height: 16, width: 16 };
const colour: Shape = { channels: 3, height: 11, width: 14 };
const norms = { 1: { mean: [0.5], std: [0.25] }, 3: { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] } };
const SEED = 11;
const AT = { epoch: 3, position: 20 };

let device: Device;

function randomImages(count: number, { channels, height, width }: Shape): Uint8Array {
  const random = new RandomStream(4, 98);
  return Uint8Array.from({ length: count * channels * height * width }, () => random.integer(256));
}

function augmenter(given: unknown[], shape: Shape, seed = SEED, phase: 'train' | 'test' = 'train'): Augmenter {
  return new Augmenter(resolveSpec(given), phase, shape, norms[shape.channels], seed);
}

/** What a spec makes of images, (N,C,H,W). */
async function apply(given: unknown[], shape: Shape, bytes: Uint8Array, at = AT, seed = SEED): Promise<Float32Array> {
  const { x } = augmenter(given, shape, seed).apply(bytes, at, device);
  const data = await x.data();
  x.dispose();
  return data;
}

async function unchanged(bytes: Uint8Array, { channels, height, width }: Shape): Promise<Float32Array> {
  const { mean, std } = norms[channels];
  const x = normaliseImages(
    bytes,
    [bytes.length / (channels * height * width), channels, height, width],
    mean,
    std,
    device,
  );
  const data = await x.data();
  x.dispose();
  return data;
}

/** Bytes (N,H,W,C) of the pixels that `source` gives for each place of an output; none is black. */
function moved(
  bytes: Uint8Array,
  { channels, height, width }: Shape,
  output: { height: number; width: number },
  source: (x: number, y: number) => readonly [number, number] | undefined,
): Uint8Array {
  const count = bytes.length / (channels * height * width);
  const pixels = output.height * output.width;
  return Uint8Array.from({ length: count * pixels * channels }, (_, i) => {
    const [n, at, c] = [Math.floor(i / (pixels * channels)), Math.floor(i / channels) % pixels, i % channels];
    const from = source(at % output.width, Math.floor(at / output.width));
    return from ? bytes[((n * height + from[1]) * width + from[0]) * channels + c]! : 0;
  });
}

function optionsOf<K extends TransformName>(given: unknown, name: K): TransformOptions<K> {
  const step = stepsOf(resolveSpec([given]))[0] as Step;
  expect(step.name).toBe(name);
  return step.options as TransformOptions<K>;
}

/** Asserts what a one-entry spec, which always happens, makes of three images; `expected` draws from the same numbers. */
async function check(
  given: unknown,
  shape: Shape,
  expected: (image: RefImage, random: RandomStream) => RefImage,
  atol = 3e-4,
): Promise<void> {
  const bytes = randomImages(3, shape);
  const { channels, height, width } = shape;
  const size = channels * height * width;
  const actual = await apply([given], shape, bytes);
  const { mean, std } = norms[channels];
  for (let n = 0; n < 3; n++) {
    const random = drawsOf({ ...AT, seed: SEED, position: AT.position + n }, 0);
    random.uniform(); // whether it happens
    const image = reference.imageOf(bytes.subarray(n * size, (n + 1) * size), height, width, channels);
    const wanted = reference.normalise(expected(image, random), mean, std);
    const pixels = wanted.height * wanted.width;
    const planes = Float64Array.from({ length: pixels * channels }, (_, i) => {
      return wanted.data[(i % pixels) * channels + Math.floor(i / pixels)]!;
    });
    const result = actual.subarray(n * planes.length, (n + 1) * planes.length);
    const what = `${JSON.stringify(given)} of image ${n}`;
    expectClose(what, result, { shape: [channels, wanted.height, wanted.width], data: planes }, 0, atol);
  }
}

describe.each(pathNames)('an augmenter on the %s path', path => {
  beforeAll(async () => {
    device = await paths[path]();
    setDefaultDevice(device);
  });

  it('draws for each sample, and does what torchvision would', async () => {
    const affine = {
      affine: { degrees: 20, translate: [0.2, 0.1], scale: [0.7, 1.3], shear: [-10, 10, -5, 5], fill: 'reflect' },
    };
    const resized = { 'resized-crop': { size: [9, 20], scale: [0.2, 0.8] } };
    const erasing = { 'random-erasing': { value: 0.75, p: 1 } };
    for (const shape of [grey, colour]) {
      await check(affine, shape, (image, random) =>
        reference.affine(image, drawAffine(optionsOf(affine, 'affine'), random, shape), 'reflect'),
      );
      await check(resized, shape, (image, random) => {
        const { top, left, height, width } = drawResizedCrop(optionsOf(resized, 'resized-crop'), random, shape);
        return reference.resize(reference.crop(image, left, top, height, width, 'zero'), 9, 20);
      });
      await check({ brightness: { factor: 0.5 } }, shape, (image, random) =>
        reference.brightness(image, between(random, [0.5, 1.5])),
      );
      await check({ contrast: { factor: [0.2, 1.8] } }, shape, (image, random) =>
        reference.contrast(image, between(random, [0.2, 1.8])),
      );
      await check({ 'gaussian-blur': { 'kernel-size': [3, 5] } }, shape, (image, random) =>
        reference.gaussianBlur(image, 3, 5, between(random, [0.1, 2])),
      );
      await check(erasing, shape, (image, random) =>
        drawErasing(optionsOf(erasing, 'random-erasing'), random, shape).reduce(
          (painted, box) => reference.paint(painted, box, () => 0.75),
          image,
        ),
      );
    }
  });

  it('does the passes of a long spec in its order', async () => {
    const given = [
      { contrast: { factor: 0.5 } },
      { brightness: { factor: 0.5 } },
      { 'random-erasing': { p: 1, value: 0.5 } },
      { affine: { degrees: 30 } },
      { 'gaussian-blur': { 'kernel-size': 3 } },
    ];
    const bytes = randomImages(1, grey);
    const random = (entry: number) => {
      const draws = drawsOf({ ...AT, seed: SEED }, entry);
      draws.uniform();
      return draws;
    };
    let image = reference.imageOf(bytes, 16, 16, 1);
    image = reference.contrast(image, between(random(0), [0.5, 1.5]));
    image = reference.brightness(image, between(random(1), [0.5, 1.5]));
    const erasing = optionsOf(given[2], 'random-erasing');
    for (const box of drawErasing(erasing, random(2), grey)) image = reference.paint(image, box, () => 0.5);
    image = reference.affine(image, drawAffine(optionsOf(given[3], 'affine'), random(3), grey), 'zero');
    image = reference.gaussianBlur(image, 3, 3, between(random(4), [0.1, 2]));
    const { data } = reference.normalise(image, [0.5], [0.25]);
    expectClose('all', await apply(given, grey, bytes), { shape: [16, 16], data }, 0, 3e-4);
  });

  it('turns and flips without touching a bit', async () => {
    for (const shape of [grey, { ...colour, width: 11 }]) {
      const bytes = randomImages(2, shape);
      const last = shape.height - 1;
      const turned = { height: shape.height, width: shape.width };
      const same = await unchanged(bytes, shape);
      expect(await apply([{ affine: { degrees: 0 } }], shape, bytes)).toEqual(same);
      expect(await apply([{ affine: { degrees: [360, 360] } }], shape, bytes)).toEqual(same);
      expect(await apply([{ 'horizontal-flip': { p: 1 } }, { 'horizontal-flip': { p: 1 } }], shape, bytes)).toEqual(
        same,
      );
      // A launch of its own for the second flip.
      const blur = { 'gaussian-blur': { 'kernel-size': 3, p: 0 } };
      expect(
        await apply([{ 'horizontal-flip': { p: 1 } }, blur, { 'horizontal-flip': { p: 1 } }], shape, bytes),
      ).toEqual(same);
      // Clockwise: the first row becomes the last column.
      const quarter = moved(bytes, shape, turned, (x, y) => [y, last - x]);
      expect(await apply([{ affine: { degrees: [90, 90] } }], shape, bytes)).toEqual(await unchanged(quarter, shape));
      const half = moved(bytes, shape, turned, (x, y) => [last - x, last - y]);
      expect(await apply([{ affine: { degrees: [-180, -180] } }], shape, bytes)).toEqual(await unchanged(half, shape));
      const flipped = moved(bytes, shape, turned, (x, y) => [last - x, y]);
      expect(await apply([{ 'horizontal-flip': { p: 1 } }], shape, bytes)).toEqual(await unchanged(flipped, shape));
    }
  });

  it('leaves images alone whose transforms do not happen', async () => {
    const never = [
      { 'horizontal-flip': { p: 0 } },
      { affine: { degrees: 30, p: 0 } },
      { 'resized-crop': { p: 0 } },
      { crop: { padding: 3, p: 0 } },
      { brightness: { factor: 0.5, p: 0 } },
      { contrast: { factor: 0.5, p: 0 } },
      { 'gaussian-blur': { 'kernel-size': 5, p: 0 } },
      { 'gaussian-noise': { p: 0 } },
      { 'random-erasing': { p: 0 } },
      { 'random-black-blocks': { p: 0 } },
      { 'central-black-block': { p: 0 } },
      { mixup: { p: 0 } },
      { cutmix: { p: 0 } },
    ];
    for (const shape of [grey, colour]) {
      const bytes = randomImages(3, shape);
      expect(await apply(never, shape, bytes)).toEqual(await unchanged(bytes, shape));
      expect(await apply([], shape, bytes)).toEqual(await unchanged(bytes, shape));
    }
  });

  it('crops a padded image as slicing does', async () => {
    for (const shape of [grey, colour]) {
      const bytes = randomImages(2, shape);
      const { height, width } = shape;
      for (const mode of ['zero', 'edge', 'reflect'] as const) {
        const given = { crop: { size: [10, 12], padding: 4, 'padding-mode': mode } };
        const actual = await apply([given], shape, bytes);
        const size = bytes.length / 2;
        for (let n = 0; n < 2; n++) {
          const random = drawsOf({ ...AT, seed: SEED, position: AT.position + n }, 0);
          random.uniform();
          const top = random.integer(height + 8 - 10 + 1) - 4;
          const left = random.integer(width + 8 - 12 + 1) - 4;
          const hold = (i: number, side: number) => {
            if (i >= 0 && i < side) return i;
            if (mode === 'zero') return undefined;
            return mode === 'edge' ? Math.min(Math.max(i, 0), side - 1) : i < 0 ? -i : 2 * (side - 1) - i;
          };
          const output = { ...shape, height: 10, width: 12 };
          const sliced = moved(bytes.subarray(n * size, (n + 1) * size), shape, output, (x, y) => {
            const [u, v] = [hold(left + x, width), hold(top + y, height)];
            return u === undefined || v === undefined ? undefined : [u, v];
          });
          const wanted = await unchanged(sliced, output);
          expect(actual.subarray(n * wanted.length, (n + 1) * wanted.length)).toEqual(wanted);
        }
      }
    }
  });

  it("makes five and ten samples of an image, in torchvision's order, with draws before and after the cut", async () => {
    const bytes = randomImages(2, colour);
    const output = { ...colour, height: 6, width: 7 };
    // Top left, top right, bottom left, bottom right, centre: ⌊7/2⌋ and round(5/2) = 2, half to even.
    const corners = [[0, 0], [7, 0], [0, 5], [7, 5], [4, 2]] as const; // prettier-ignore
    const ten = augmenter([{ 'ten-crop': { size: [6, 7] } }], colour);
    expect([ten.views, ten.averages, ten.output]).toEqual([10, false, { height: 6, width: 7 }]);
    const actual = await ten.apply(bytes, AT, device).x.data();
    const image = bytes.length / 2;
    const views = [0, 1].flatMap(n =>
      [false, true].flatMap(flip =>
        corners.map(([left, top]) =>
          moved(bytes.subarray(n * image, (n + 1) * image), colour, output, (x, y) => [
            flip ? 13 - (left + x) : left + x,
            top + y,
          ]),
        ),
      ),
    );
    expect(actual).toEqual(await unchanged(Uint8Array.from(views.flatMap(view => [...view])), output));

    // A shift of the image is that of all its crops; what stands after the cut is drawn for each.
    const five = { 'five-crop': { size: [11, 14] } };
    const shift = { affine: { translate: [0.5, 0.5] } };
    const before = await apply([shift, five], colour, bytes.subarray(image));
    const after = await apply([five, shift], colour, bytes.subarray(image));
    const view = (data: Float32Array, v: number) => data.subarray(v * image, (v + 1) * image);
    for (let v = 1; v < 5; v++) {
      expect(view(before, v)).toEqual(view(before, 0));
      expect(view(after, v)).not.toEqual(view(after, 0));
    }
    const erased = await apply(
      [five, { 'gaussian-blur': { 'kernel-size': 3 } }, { 'random-erasing': { p: 1 } }],
      colour,
      bytes,
    );
    expect(view(erased, 7)).not.toEqual(view(erased, 6));
  });

  it('mixes images as it says', async () => {
    const bytes = randomImages(4, grey);
    const { x, mixes } = augmenter([{ mixup: { per: 'sample' } }, { cutmix: { per: 'sample' } }], grey).apply(
      bytes,
      AT,
      device,
    );
    const clean = await unchanged(bytes, grey);
    const data = Float64Array.from(clean, (own, i) => {
      const { share, box } = mixes![Math.floor(i / 256)]!;
      const [column, row] = [i % 16, Math.floor(i / 16) % 16];
      const inside = column >= box[0] && column < box[2] && row >= box[1] && row < box[3];
      return inside ? share * own + (1 - share) * clean[(i + 768) % 1024]! : own;
    });
    expectClose('mixed', await x.data(), { shape: [4, 1, 16, 16], data }, 0, 1e-6);
  });

  it('gives the same bits for the same seed, epoch and position, however batches are cut, and others else', async () => {
    for (const name of PRESET_NAMES.filter(name => name !== 'vgg-fer')) {
      const given = [...presetSpec(name)!].filter(entry => !('mixup' in entry));
      const bytes = randomImages(6, grey);
      const half = bytes.length / 2;
      const whole = await apply(given, grey, bytes);
      const parts = [
        await apply(given, grey, bytes.subarray(0, half)),
        await apply(given, grey, bytes.subarray(half), { epoch: 3, position: 23 }),
      ];
      expect([...parts[0]!, ...parts[1]!]).toEqual([...whole]);
      expect(await apply(given, grey, bytes, { epoch: 4, position: 20 })).not.toEqual(whole);
      expect(await apply(given, grey, bytes, AT, SEED + 1)).not.toEqual(whole);
      expect(parts[0]!.subarray(0, 256)).not.toEqual(
        (await apply(given, grey, bytes.subarray(0, half), { epoch: 3, position: 30 })).subarray(0, 256),
      );
    }
  });
});

describe('an augmenter', () => {
  beforeAll(async () => {
    device = await paths.native();
    setDefaultDevice(device);
  });

  it('flips about as many images as p says, and all at 1', async () => {
    const shape: Shape = { channels: 1, height: 1, width: 2 };
    const bytes = Uint8Array.from({ length: 4000 }, (_, i) => (i % 2) * 255);
    for (const p of [0.2, 0.5, 1]) {
      const data = await apply([{ 'horizontal-flip': { p } }], shape, bytes);
      const flipped = data.filter((value, i) => i % 2 === 0 && value > 0).length / 2000;
      expect(Math.abs(flipped - p)).toBeLessThan(p === 1 ? 1e-9 : 0.05);
    }
  });

  it('makes noise of the sigma it is told, another in each image and channel', async () => {
    const shape: Shape = { channels: 3, height: 20, width: 20 };
    const bytes = new Uint8Array(2 * 1200).fill(128);
    const given = [{ 'gaussian-noise': { sigma: 0.05, mean: 0.1 } }];
    const { x } = new Augmenter(resolveSpec(given), 'train', shape, { mean: [0, 0, 0], std: [1, 1, 1] }).apply(
      bytes,
      AT,
      device,
    );
    const noise = [...(await x.data())].map(value => value - 128 / 255);
    const mean = noise.reduce((a, b) => a + b, 0) / noise.length;
    expect(mean).toBeCloseTo(0.1, 2);
    expect(Math.sqrt(noise.reduce((sum, value) => sum + (value - mean) ** 2, 0) / noise.length)).toBeCloseTo(0.05, 2);
    const correlation = (a: number[], b: number[]) =>
      a.reduce((sum, value, i) => sum + (value - mean) * (b[i]! - mean), 0) / (a.length * 0.05 ** 2);
    expect(correlation(noise.slice(0, 400), noise.slice(400, 800))).toBeLessThan(0.2);
    expect(correlation(noise.slice(0, 1200), noise.slice(1200))).toBeLessThan(0.15);
  });

  it('of vgg-fer trains on ten crops of 40, and tests with them', async () => {
    const shape: Shape = { channels: 1, height: 48, width: 48 };
    const { train, test, output } = augmentersFor(presetSpec('vgg-fer'), shape, norms[1]);
    expect(output).toEqual({ height: 40, width: 40 });
    expect([train?.views, train?.averages, test?.views, test?.averages]).toEqual([10, false, 10, true]);
    const { x } = train!.apply(randomImages(3, shape), AT, device);
    expect(x.shape).toEqual([30, 1, 40, 40]);
    expect((await x.data()).every(Number.isFinite)).toBe(true);
  });

  it('is none where there is nothing to do, and refuses what cannot be', () => {
    expect(augmentersFor(undefined, grey, norms[1])).toEqual({
      train: undefined,
      test: undefined,
      output: { height: 16, width: 16 },
    });
    expect(augmentersFor(presetSpec('system-a'), grey, norms[1]).test).toBeUndefined();
    const two = { ...grey, channels: 2 };
    expect(() => augmentersFor(presetSpec('system-a'), two, norms[1])).toThrow('images of 1 or 3 channels, not 2');
    const apart = resolveSpec([{ 'five-crop': { size: 8, at: 'test' } }]);
    expect(() => augmentersFor(apart, grey, norms[1])).toThrow(
      'training images come out as 16x16, test images as 8x8; give the sizes of crops and resizes so that they agree',
    );
  });
});
