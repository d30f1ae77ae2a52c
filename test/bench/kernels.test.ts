import { beforeAll, describe, expect, it } from 'vitest';
import { checkKernel, checkNetwork } from '../../src/bench/check.js';
import { prepareKernel } from '../../src/bench/contestants/facegrad/kernels.js';
import type { Conv2dWork, KernelWork, PoolWork } from '../../src/bench/work.js';
import type { Device } from '../../src/gpu/device.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { paths } from '../devices.js';

let device: Device;
beforeAll(async () => {
  device = await paths.native();
  setDefaultDevice(device);
});

const convolution = (over: Partial<Conv2dWork>): Conv2dWork => ({
  ...{ kind: 'conv2d', pass: 'forward', n: 2, c: 4, o: 8, kernel: 3, size: 7, stride: 1, padding: 1, depthwise: false },
  ...over,
});
const pool = (over: Partial<PoolWork>): PoolWork => ({
  ...{ kind: 'pool', pool: 'max', pass: 'forward', n: 2, c: 3, size: 7, kernel: 3, stride: 2, padding: 1 },
  ...over,
});

const works: readonly KernelWork[] = [
  { kind: 'matmul', n: 8 },
  ...(['forward', 'input-gradient', 'weight-gradient'] as const).flatMap(pass => [
    convolution({ pass }),
    convolution({ pass, stride: 2, kernel: 5, padding: 2 }),
    convolution({ pass, c: 6, o: 6, stride: 2, depthwise: true }),
  ]),
  ...(['forward', 'backward', 'train'] as const).map((pass): KernelWork => ({
    kind: 'batch-norm',
    pass,
    n: 3,
    c: 5,
    size: 4,
  })),
  ...(['forward', 'backward'] as const).flatMap(pass => [
    pool({ pass }),
    pool({ pass, kernel: 2, padding: 0 }),
    pool({ pass, pool: 'global-avg' }),
  ]),
  { kind: 'cross-entropy', n: 5, k: 7 },
  { kind: 'elementwise', op: 'relu', count: 37 },
  { kind: 'elementwise', op: 'add', count: 37 },
  { kind: 'adam', count: 40 },
  { kind: 'overhead', ops: 5, count: 8 },
];

describe('the work of a contestant', () => {
  it.each(works)('is what float64 says, and a wrong element is found: %j', async work => {
    const { results, launch, finish, dispose } = await prepareKernel(device, work);
    checkKernel(work, results);
    for (const [name, values] of Object.entries(results)) {
      const wrong = Float32Array.from(values);
      wrong[wrong.length - 1]! += 0.1;
      expect(() => {
        checkKernel(work, { ...results, [name]: wrong });
      }).toThrow(`${name}[${wrong.length - 1}] is`);
      expect(() => {
        checkKernel(work, { ...results, [name]: wrong.fill(NaN) });
      }).toThrow(`is NaN, expected`);
    }
    await launch();
    await finish();
    dispose();
  });

  it('is not taken for done where a result is missing', () => {
    expect(() => {
      checkKernel({ kind: 'matmul', n: 2 }, {});
    }).toThrow('c has no elements, not 4');
  });
});

describe('networks', () => {
  it('may differ in rounding, and in nothing else', () => {
    const ours = { loss: Float32Array.of(2) };
    checkNetwork({ loss: Float32Array.of(2.0005) }, ours);
    expect(() => {
      checkNetwork({ loss: Float32Array.of(2.01) }, ours);
    }).toThrow('loss[0] is 2.0099');
    expect(() => {
      checkNetwork({ loss: Float32Array.of(NaN) }, ours);
    }).toThrow('loss[0] is NaN, facegrad has 2');
    expect(() => {
      checkNetwork({}, ours);
    }).toThrow('loss has no elements, not 1');
  });
});
