import { expect } from 'vitest';
import { registry, type OpName } from '../../src/kernels/index.js';
import type { Device } from '../../src/gpu/device.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';
import { references, tensor, unravel, type RefParams, type RefTensor, type RefTensors } from '../reference/index.js';

export interface CheckOptions {
  /** Values of the inputs; uniform in [-1, 1) by default. */
  readonly value?: (random: RandomStream) => number;
  /** Relative to the largest magnitude of the tensor, and absolute. */
  readonly rtol?: number;
  readonly atol?: number;
  readonly seed?: number;
}

/** Asserts |actual - expected| <= atol + rtol * max|expected|, and tells the worst place. */
export function expectClose(
  what: string,
  actual: ArrayLike<number>,
  expected: RefTensor,
  rtol = 1e-5,
  atol = 1e-5,
): void {
  expect(actual.length, `${what}: number of elements`).toBe(expected.data.length);
  const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let worst = -1;
  let excess = atol + rtol * largest;
  expected.data.forEach((value, i) => {
    const error = Math.abs(actual[i]! - value);
    if (!(error <= excess)) {
      worst = i;
      excess = error;
    }
  });
  if (worst >= 0) {
    const place = unravel(worst, expected.shape).join(', ');
    expect.fail(`${what}[${place}] is ${actual[worst]!}, expected ${expected.data[worst]!} (off by ${excess})`);
  }
}

/** Float32 values, so that the oracle sees exactly what the kernel sees. */
export function randomTensor(
  shape: readonly number[],
  stream: RandomStream,
  value: (random: RandomStream) => number = random => 2 * random.uniform() - 1,
): RefTensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    shape,
    Array.from({ length: size }, () => Math.fround(value(stream))),
  );
}

/**
 * Runs an operation of the registry on random inputs of these shapes, and checks its output and every gradient under a
 * random cotangent against the float64 oracle, on one path or device.
 */
export async function checkOp(
  path: keyof typeof paths | Device,
  name: OpName,
  shapes: Readonly<Record<string, readonly number[]>>,
  params: RefParams = {},
  options: CheckOptions = {},
): Promise<void> {
  setDefaultDevice(typeof path === 'string' ? await paths[path]() : path);
  const reference = references[name];
  if (!reference) throw new Error(`${name} has no reference in test/reference`);
  const stream = new RandomStream(options.seed ?? 1, 99);
  const inputs: RefTensors = {};
  for (const [key, shape] of Object.entries(shapes)) inputs[key] = randomTensor(shape, stream, options.value);
  const tensors = Object.fromEntries(
    Object.entries(inputs).map(([key, { shape, data }]) => [key, Tensor.from(data, shape, { requiresGrad: true })]),
  );
  const expected = reference.forward(inputs, params);
  const output = registry[name].run(tensors, params);
  if (!(output instanceof Tensor)) throw new Error(`${name} has several outputs`);
  const label = `${name} ${JSON.stringify(shapes)} ${JSON.stringify(params)}`;
  expect(output.shape, `${label}: shape`).toEqual(expected.shape);
  expectClose(`${label}: output`, await output.data(), expected, options.rtol, options.atol);

  const dy = randomTensor(expected.shape, stream);
  const gradients = reference.backward(inputs, params, dy);
  backward(output, Tensor.from(dy.data, dy.shape));
  for (const [key, gradient] of Object.entries(gradients)) {
    const grad = tensors[key]!.grad;
    expect(grad?.shape, `${label}: shape of d${key}`).toEqual(gradient.shape);
    expectClose(`${label}: d${key}`, await grad!.data(), gradient, options.rtol, options.atol);
  }
  for (const made of [...Object.values(tensors), ...Object.values(tensors).map(({ grad }) => grad), output])
    made?.dispose();
}
