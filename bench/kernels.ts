import { conv2d, matmul, maxPool2d, relu } from '../src/kernels/index.js';
import { backward, scope, Tensor } from '../src/tensor/index.js';
import type { Bench } from './measure.js';

/** Launches between two waits, so that what is timed is the kernel and not the wait. */
const REPEATS = 8;

const wave = (size: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i));

function close(name: string, actual: number, expected: number): void {
  if (!(Math.abs(actual - expected) <= 1e-3 * Math.max(1, Math.abs(expected)))) {
    throw new Error(`${name} is wrong before it is timed: ${actual}, expected ${expected}`);
  }
}

/** GFLOP/s of an (n,n)·(n,n) product. */
function square(n: number): Bench {
  const name = `kernel/matmul-${n}`;
  return {
    name,
    work: (REPEATS * 2 * n ** 3) / 1e9,
    unit: 'GFLOP/s',
    prepare: async () => {
      const [values, a] = [wave(n * n), Tensor.from(wave(n * n), [n, n]).keep()];
      const c = matmul(a, a);
      const row = Math.floor(n / 2);
      const expected = Array.from({ length: n }, (_, k) => values[row * n + k]! * values[k * n + 1]!);
      close(
        name,
        (await c.data())[row * n + 1]!,
        expected.reduce((sum, value) => sum + value, 0),
      );
      c.dispose();
      return { run: () => repeat(a, () => matmul(a, a)), dispose: a.dispose.bind(a) };
    },
  };
}

/** Runs `launch` REPEATS times in one batch and waits for it. */
async function repeat(tensor: Tensor, launch: () => unknown): Promise<void> {
  for (let i = 0; i < REPEATS; i++) {
    scope(() => {
      launch();
    });
  }
  await tensor.device.settle();
}

type Pass = 'forward' | 'backward-input' | 'backward-weight';

/** GFLOP/s of one pass of a 3x3 convolution, stride 1, padding 1. */
function convolution(pass: Pass, n: number, c: number, size: number, o: number): Bench {
  const name = `kernel/conv2d-${pass}-${c}to${o}-${size}`;
  return {
    name,
    work: (REPEATS * 2 * n * o * size * size * c * 9) / 1e9,
    unit: 'GFLOP/s',
    prepare: async () => {
      const needs = (wanted: Pass) => ({ requiresGrad: pass === wanted });
      const x = Tensor.from(wave(n * c * size * size), [n, c, size, size], needs('backward-input')).keep();
      const w = Tensor.from(wave(o * c * 9), [o, c, 3, 3], needs('backward-weight')).keep();
      const y = conv2d(x, w, undefined, { padding: 1 }).keep();
      const dy = Tensor.from(wave(y.size), y.shape).keep();
      const [xs, ws] = [wave(x.size), wave(w.size)];
      let expected = 0; // y[0,0,1,1]
      for (let i = 0; i < c; i++)
        for (let k = 0; k < 9; k++) expected += xs[(i * size + Math.floor(k / 3)) * size + (k % 3)]! * ws[i * 9 + k]!;
      close(name, (await y.data())[size + 1]!, expected);
      const launch = () => {
        if (pass === 'forward') {
          conv2d(x, w, undefined, { padding: 1 });
          return;
        }
        backward(y, dy);
        for (const leaf of [x, w]) {
          leaf.grad?.dispose();
          leaf.grad = undefined;
        }
      };
      const dispose = () => {
        for (const tensor of [x, w, y, dy]) tensor.dispose();
      };
      return { run: () => repeat(x, launch), dispose };
    },
  };
}

/** GB/s, bytes read and written, of a kernel that streams. */
function stream(name: string, bytes: number, x: () => Tensor, launch: (x: Tensor) => Tensor): Bench {
  return {
    name: `kernel/${name}`,
    work: (REPEATS * bytes) / 1e9,
    unit: 'GB/s',
    prepare: () => {
      const input = x().keep();
      return Promise.resolve({
        run: () => repeat(input, () => launch(input)),
        dispose: () => {
          input.dispose();
        },
      });
    },
  };
}

const image = () => Tensor.from(wave(64 * 16 * 48 * 48), [64, 16, 48, 48]);
const imageBytes = 64 * 16 * 48 * 48 * 4;

export const kernelBenches: readonly Bench[] = [
  ...[256, 512, 768, 1024].map(square),
  ...(['forward', 'backward-input', 'backward-weight'] as const).flatMap(pass => [
    convolution(pass, 64, 16, 24, 32),
    convolution(pass, 64, 32, 12, 64),
    convolution(pass, 32, 64, 24, 64),
  ]),
  stream('relu', 2 * imageBytes, image, relu),
  stream('max_pool2d', imageBytes * (1 + 1 / 4 + 1 / 4), image, x => maxPool2d(x, 2)),
];
