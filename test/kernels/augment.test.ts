import { beforeAll, describe, expect, it } from 'vitest';
import { affineMatrix, compose, stagesOf } from '../../src/data/augment/geometry.js';
import type { Device } from '../../src/gpu/device.js';
import {
  augmentImages,
  averageViews,
  gaussianBlur,
  mixImages,
  NOISE_STREAM,
  normaliseImages,
  packImages,
  type AffineStage,
  type AugmentSample,
  type Fill,
} from '../../src/kernels/index.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pcg4d, RandomStream } from '../../src/util/random.js';
import { pathNames, paths } from '../devices.js';
import * as reference from '../reference/augment.js';
import type { RefImage } from '../reference/augment.js';
import { expectClose } from './check.js';

const SAMPLE: AugmentSample = { image: 0, keys: [0, 0], stages: [], boxes: [] };
const norms = {
  1: { mean: [0.5], std: [0.25] },
  3: { mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3] },
} as const;
const plain = (channels: number) => ({
  mean: new Array<number>(channels).fill(0),
  std: new Array<number>(channels).fill(1),
});

function randomBytes(count: number, seed = 1): Uint8Array {
  const random = new RandomStream(seed, 98);
  return Uint8Array.from({ length: count }, () => random.integer(256));
}

/** (H,W,C) of each image of (N,C,H,W), one image after the other. */
async function imagesOf(y: Tensor): Promise<Float32Array[]> {
  const [n, channels, height, width] = y.shape as [number, number, number, number];
  const data = await y.data();
  return Array.from({ length: n }, (_, i) =>
    Float32Array.from({ length: channels * height * width }, (_, e) => {
      const [at, c] = [Math.floor(e / channels), e % channels];
      return data[(i * channels + c) * height * width + at]!;
    }),
  );
}

function expectImage(
  what: string,
  actual: Float32Array,
  { height, width, channels, data }: RefImage,
  atol = 2e-5,
): void {
  expectClose(what, actual, { shape: [height, width, channels], data }, 0, atol);
}

// One channel and three; sizes whose images begin in the middle of a word, and one that fills more than a workgroup's steps.
const shapes: [height: number, width: number, channels: 1 | 3][] = [
  [48, 48, 1],
  [13, 17, 1],
  [11, 7, 3],
  [1, 1, 3],
  [5, 300, 1],
];

describe.each(pathNames)('augmentation kernels on the %s path', path => {
  let device: Device;
  beforeAll(async () => {
    device = await paths[path]();
    setDefaultDevice(device);
  });

  function source(bytes: Uint8Array, [height, width, channels]: (typeof shapes)[number]) {
    return packImages(bytes, { height, width, channels }, device);
  }

  /** Asserts what a sample of image 1 of two becomes, in 0..1. */
  async function check(
    what: string,
    shape: (typeof shapes)[number],
    sample: Partial<AugmentSample>,
    expected: (image: RefImage) => RefImage,
    atol?: number,
  ): Promise<void> {
    const [height, width, channels] = shape;
    const size = height * width * channels;
    const bytes = randomBytes(2 * size);
    const image = reference.imageOf(bytes.subarray(size), height, width, channels);
    const wanted = expected(image);
    const y = augmentImages(source(bytes, shape), [{ ...SAMPLE, ...sample, image: 1 }], {
      ...{ height: wanted.height, width: wanted.width },
      ...{ normalisation: norms[channels], normalise: false },
    });
    const [actual] = await imagesOf(y);
    expectImage(`${what} of ${width}x${height}x${channels}`, actual!, wanted, atol);
    y.dispose();
  }

  it.each(shapes)('normalise %ix%ix%i as normaliseImages does, to the bit', async (height, width, channels) => {
    const bytes = randomBytes(3 * height * width * channels);
    const { mean, std } = norms[channels];
    const whole = [{ matrix: [1, 0, 0, 0, 1, 0], fill: 'zero', sides: [0, 0, width - 1, height - 1] }] as const;
    const expected = await normaliseImages(bytes, [3, channels, height, width], mean, std).data();
    for (const stages of [[], whole]) {
      const samples = [0, 1, 2].map(image => ({ ...SAMPLE, image, stages }));
      const y = augmentImages(source(bytes, [height, width, channels]), samples, { normalisation: { mean, std } });
      expect(await y.data()).toEqual(expected);
      // A contrast that only another sample gets, and a second pass over values instead of bytes.
      const options = { normalisation: { mean, std }, contrast: true, normalise: false, boxes: 2 };
      const first = augmentImages(source(bytes, [height, width, channels]), samples, options);
      const second = augmentImages({ data: first, channels, height, width }, samples, { normalisation: { mean, std } });
      expect(await second.data()).toEqual(expected);
    }
  });

  it.each(['zero', 'edge', 'reflect'] as const)('affine maps, outside %s', async fill => {
    const draws = [
      { degrees: 10, translate: [3, -2], scale: 1.1, shear: [5, 0] },
      { degrees: -33, translate: [0, 0], scale: 0.6, shear: [-8, 12] },
      { degrees: 180, translate: [5, 60], scale: 1, shear: [0, 0] },
      { degrees: 0, translate: [-200, 0], scale: 1, shear: [0, 0] },
    ] as const;
    for (const shape of shapes) {
      const [height, width] = shape;
      for (const draw of draws) {
        const stage = {
          matrix: affineMatrix(draw, { height, width }),
          fill,
          sides: [0, 0, width - 1, height - 1],
        } as const;
        const what = `affine ${JSON.stringify(draw)}`;
        // float32 coordinates of 300 pixels are off by some 1e-5 of a pixel, which two neighbours turn into as much.
        await check(what, shape, { stages: [stage] }, image => reference.affine(image, draw, fill), 3e-4);
      }
    }
  });

  it('two maps one after the other, each with what is outside of it', async () => {
    const size = { height: 13, width: 17 };
    const sides = [0, 0, 16, 12] as const;
    const one = affineMatrix({ degrees: 25, translate: [4, 1], scale: 1.2, shear: [0, 0] }, size);
    const two = affineMatrix({ degrees: -40, translate: [-6, 3], scale: 0.8, shear: [10, 0] }, size);
    const at = ([a, b, c, d, e, f]: typeof one, [x, y]: readonly [number, number]) =>
      [a * x + b * y + c, d * x + e * y + f] as const;
    const hold = ([x, y]: readonly [number, number]) =>
      [Math.min(Math.max(x, 0), 16), Math.min(Math.max(y, 0), 12)] as const;
    const shown = (t: number, last: number) => Math.min(Math.max(1 - Math.max(-t, t - last), 0), 1);
    for (const fill of ['zero', 'edge'] as Fill[]) {
      const stages: AffineStage[] = stagesOf(
        [
          { matrix: one, outside: { fill: 'edge', sides } },
          { matrix: two, outside: { fill, sides } },
        ],
        size,
      );
      expect(stages).toHaveLength(2);
      await check('two maps', [13, 17, 1], { stages }, image => {
        const warped = reference.warp(image, place => at(one, hold(at(two, place))), 'edge');
        // What the second map leaves shows the first one's result no more.
        const visible = (i: number) => {
          const [x, y] = at(two, [i % 17, Math.floor(i / 17)]);
          return fill === 'zero' ? shown(x, 16) * shown(y, 12) : 1;
        };
        return { ...warped, data: warped.data.map((value, i) => visible(i) * value) };
      });
    }
  });

  it('a flip before or after a map is one stage with it', async () => {
    const size = { height: 13, width: 17 };
    const draw = { degrees: 20, translate: [3, -1], scale: 0.9, shear: [6, 0] } as const;
    const affine = { matrix: affineMatrix(draw, size), outside: { fill: 'reflect', sides: [0, 0, 16, 12] } } as const;
    const flip = { matrix: [-1, 0, 16, 0, 1, 0] } as const;
    const [before, after, twice] = [
      [flip, affine],
      [affine, flip],
      [flip, flip],
    ].map(moves => stagesOf(moves, size));
    expect([before, after, twice].map(stages => stages!.length)).toEqual([1, 1, 1]);
    await check(
      'flip, affine',
      [13, 17, 3],
      { stages: before! },
      image => reference.affine(reference.flip(image), draw, 'reflect'),
      5e-5,
    );
    await check(
      'affine, flip',
      [13, 17, 3],
      { stages: after! },
      image => reference.flip(reference.affine(image, draw, 'reflect')),
      5e-5,
    );
    expect(compose(flip.matrix, flip.matrix)).toEqual([1, 0, 0, 0, 1, 0]);
    await check('flip, flip', [13, 17, 3], { stages: twice! }, image => image, 1e-7);
  });

  it.each([0, 0.5, 1, 1.7])('brightness %f', async factor => {
    for (const shape of shapes)
      await check('brightness', shape, { brightness: factor }, image => reference.brightness(image, factor));
  });

  it.each([0, 0.4, 1, 1.6])('contrast %f, and after brightness', async factor => {
    for (const shape of shapes) {
      await check('contrast', shape, { contrast: factor }, image => reference.contrast(image, factor));
      await check('both', shape, { contrast: factor, brightness: 1.3 }, image =>
        reference.contrast(reference.brightness(image, 1.3), factor),
      );
    }
  });

  /** The kernel's normal numbers, from the same counters. */
  function normal(keys: readonly [number, number], invert: boolean) {
    const words = new Uint32Array(4);
    return (pixel: number, c: number) => {
      pcg4d(pixel, keys[0], NOISE_STREAM, invert ? ~keys[1] : keys[1], words);
      const [a, b, d, e] = Array.from(words, word => (word >>> 8) / 2 ** 24) as [number, number, number, number];
      const [u, angle] = c % 2 === 0 ? [a, d] : [b, e];
      return Math.sqrt(-2 * Math.log(1 - u)) * (c < 2 ? Math.cos(2 * Math.PI * angle) : Math.sin(2 * Math.PI * d));
    };
  }

  // WGSL allows a cosine an error of 2^-11, which noise multiplies by its sigma and a radius of at most 5.8.
  it.each([
    [0.1, 0, true],
    [0.3, 0.2, false],
    [0, 0, true],
  ])('noise of sigma %f and mean %f', async (sigma, mean, clip) => {
    const keys = [123456789, 4294967295] as const;
    for (const shape of shapes) {
      const wanted = (image: RefImage) => reference.noise(image, { sigma, mean, clip }, normal(keys, false));
      await check('noise', shape, { keys, noise: { sigma, mean, clip } }, wanted, 3e-3 * sigma + 1e-6);
    }
  });

  it('rectangles, the last on top, with a value, the mean, or normal numbers', async () => {
    const keys = [7, 8] as const;
    for (const shape of shapes) {
      const { mean, std } = norms[shape[2]];
      const one = { x0: 0, y0: 0, x1: 5, y1: 3, value: 'mean' } as const;
      const two = { x0: 2, y0: 1, x1: 400, y1: 2, value: 0.25 } as const;
      const three = { x0: 1, y0: 2, x1: 4, y1: 9, value: 'random' } as const;
      const random = normal(keys, true);
      await check(
        'rectangles',
        shape,
        { keys, boxes: [one, two, three] },
        image =>
          [
            [one, (_: number, c: number) => mean[c]!] as const,
            [two, () => 0.25] as const,
            [three, (pixel: number, c: number) => mean[c]! + std[c]! * random(pixel, c)] as const,
          ].reduce((painted, [box, value]) => reference.paint(painted, box, value), image),
        2e-3,
      );
    }
  });

  it('does all of it to each sample by its own record, in the documented order', async () => {
    const shape = [13, 17, 3] as const;
    const [height, width, channels] = shape;
    const size = height * width * channels;
    const bytes = randomBytes(2 * size);
    const draw = { degrees: 12, translate: [1, 2], scale: 1.05, shear: [3, 0] } as const;
    const stage = { matrix: affineMatrix(draw, { height, width }), fill: 'edge', sides: [0, 0, 16, 12] } as const;
    const still = { ...stage, matrix: [1, 0, 0, 0, 1, 0] } as const;
    const box = { x0: 4, y0: 5, x1: 9, y1: 9, value: 0.5 } as const;
    const noise = { sigma: 0.05, mean: 0, clip: true };
    const { mean, std } = norms[3];
    const y = augmentImages(
      source(bytes, [...shape]),
      [
        { ...SAMPLE, image: 1, keys: [3, 4], stages: [stage], brightness: 1.2, contrast: 0.7, noise, boxes: [box] },
        { ...SAMPLE, image: 0, stages: [still] },
        { ...SAMPLE, image: 1, stages: [still], contrast: 1.4 },
      ],
      { normalisation: { mean, std } },
    );
    const [a, b, c] = await imagesOf(y);
    const [first, second] = [0, 1].map(i =>
      reference.imageOf(bytes.subarray(i * size, (i + 1) * size), height, width, 3),
    );
    const lit = reference.contrast(reference.brightness(reference.affine(second!, draw, 'edge'), 1.2), 0.7);
    const soiled = reference.paint(reference.noise(lit, noise, normal([3, 4], false)), box, () => 0.5);
    expectImage('all', a!, reference.normalise(soiled, mean, std), 2e-3);
    expectImage('none', b!, reference.normalise(first!, mean, std), 1e-6);
    expectImage('contrast', c!, reference.normalise(reference.contrast(second!, 1.4), mean, std));
  });

  it.each([
    [3, 3, 0.8],
    [5, 1, 0.3],
    [1, 7, 2],
    [13, 13, 5],
  ])('Gaussian blur %ix%i of sigma %f', async (rows, columns, sigma) => {
    for (const shape of shapes.slice(0, 3)) {
      const [height, width, channels] = shape;
      const size = height * width * channels;
      const bytes = randomBytes(2 * size);
      const options = { normalisation: norms[channels] };
      const y = gaussianBlur(source(bytes, shape), [sigma, undefined], [rows, columns], options);
      const [blurred, sharp] = await imagesOf(y);
      const image = (i: number) => reference.imageOf(bytes.subarray(i * size, (i + 1) * size), height, width, channels);
      const { mean, std } = norms[channels];
      const wanted = reference.normalise(reference.gaussianBlur(image(0), rows, columns, sigma), mean, std);
      expectImage(`blur of ${width}x${height}x${channels}`, blurred!, wanted);
      const expected = normaliseImages(bytes, [2, channels, height, width], mean, std);
      expect(sharp).toEqual((await imagesOf(expected))[1]);
    }
  });

  it('mixes each sample with the one before it, inside its rectangle', async () => {
    const shape = [3, 3, 4, 5];
    const values = Float32Array.from({ length: 180 }, (_, i) => Math.fround(Math.sin(i)));
    const x = Tensor.from(values, shape);
    const mixes = [
      { share: 0.3, box: [0, 0, 5, 4] },
      { share: 0, box: [1, 2, 4, 4] },
      { share: 1, box: [0, 0, 5, 4] },
    ] as const;
    const data = Float64Array.from(values, (own, i) => {
      const [n, at] = [Math.floor(i / 60), i % 20];
      const [column, row] = [at % 5, Math.floor(at / 5)];
      const { share, box } = mixes[n]!;
      const inside = column >= box[0] && column < box[2] && row >= box[1] && row < box[3];
      return inside ? share * own + (1 - share) * values[(i + 120) % 180]! : own;
    });
    const y = await mixImages(x, mixes).data();
    expectClose('mixed', y, { shape, data }, 0, 1e-6);
    expect(y.subarray(120)).toEqual(values.subarray(120));
  });

  it.each(['softmax', 'logits'] as const)('averages views by %s', async average => {
    const [n, views, k] = [70, 10, 7];
    const random = new RandomStream(3, 98);
    // Some so far apart that a probability is 0 in float32.
    const x = Array.from({ length: n * views * k }, (_, i) =>
      Math.fround((i < 700 ? 300 : 4) * (random.uniform() - 0.5)),
    );
    const data = Float64Array.from({ length: n * k }, (_, i) => {
      const terms = Array.from({ length: views }, (_, v) => {
        const row = x.slice((Math.floor(i / k) * views + v) * k).slice(0, k);
        const highest = Math.max(...row);
        const logSum = highest + Math.log(row.reduce((sum, value) => sum + Math.exp(value - highest), 0));
        return row[i % k]! - (average === 'softmax' ? logSum : 0);
      });
      if (average === 'logits') return terms.reduce((a, b) => a + b, 0) / views;
      const highest = Math.max(...terms);
      return highest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term - highest), 0) / views);
    });
    const y = averageViews(Tensor.from(x, [n * views, k]), views, average);
    expectClose(average, await y.data(), { shape: [n, k], data }, 2e-6, 1e-5);
  });
});

describe('augmentation kernels', () => {
  it('refuse what they cannot do', async () => {
    const device = await paths.native();
    const size = { channels: 2, height: 4, width: 4 };
    expect(() => packImages(new Uint8Array(31), size, device)).toThrow('31 bytes are no whole number of 4x4 images');
    const two = packImages(new Uint8Array(32), size, device);
    expect(() => augmentImages(two, [SAMPLE], { normalisation: plain(2) })).toThrow('1 or 3 channels');
    const one = { ...two, channels: 1 };
    const options = { normalisation: plain(1) };
    expect(() => augmentImages(one, [SAMPLE], { ...options, height: 3 })).toThrow(
      'the output has the size of the source',
    );
    expect(() => gaussianBlur(one, [1], [9, 3], options)).toThrow('odd and at most 7 for 4x4 images, not 9');
    expect(() => gaussianBlur(one, [1], [3, 2], options)).toThrow('not 2');
    expect(() => mixImages(Tensor.zeros([2, 1, 2, 2], { device }), [])).toThrow('as many images as mixes');
    expect(() => averageViews(Tensor.zeros([7, 3], { device }), 5, 'softmax')).toThrow('(N·5,K)');
  });
});
