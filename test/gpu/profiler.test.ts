import { create } from 'webgpu';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { Device } from '../../src/gpu/device.js';
import { shaderText } from '../../src/gpu/node.js';
import type { Launch } from '../../src/gpu/profiler.js';
import { parseShader } from '../../src/gpu/shader.js';
import { updatedBy } from '../../src/gpu/traffic.js';
import { accumulate, concat, conv2d, linear, matmul, narrow, relu } from '../../src/kernels/index.js';
import { backward, Parameter, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { Adam } from '../../src/train/optim.js';
import { UserError } from '../../src/util/errors.js';
import { pathNames, paths } from '../devices.js';

const gpu = create([]);
const opened: Device[] = [];

/** A device without any feature. */
async function plainDevice(): Promise<Device> {
  const adapter = (await gpu.requestAdapter())!;
  const device = new Device({ adapter, device: await adapter.requestDevice(), keepAlive: gpu, shaderText });
  opened.push(device);
  return device;
}

afterEach(() => {
  for (const device of opened.splice(0)) device.destroy();
});

const timed = (await paths.native()).features.has('timestamp-query');

/** The launches of `fn`, in order. */
async function launchesOf(device: Device, fn: () => void): Promise<Launch[]> {
  setDefaultDevice(device);
  const { gpu } = await device.profile(() => {
    fn();
    return Promise.resolve();
  });
  return gpu.map(({ launch }) => launch!);
}

describe('an adapter without timestamp queries', () => {
  it('is refused, by name and with what to do', async () => {
    const device = await plainDevice();
    const profiling = device.profile(() => Promise.resolve());
    await expect(profiling).rejects.toBeInstanceOf(UserError);
    await expect(profiling).rejects.toThrow(/^the adapter .+ has no timestamp queries .*--adapter and --backend/);
  });
});

describe.runIf(timed)('the timeline', () => {
  let device: Device;
  beforeAll(async () => {
    device = await paths.native();
  });
  beforeEach(() => {
    setDefaultDevice(device);
  });

  it('has each launch by name, in order, with its parameters', async () => {
    const x = Tensor.ones([4096]).keep();
    const { gpu, host } = await device.profile(async profiler => {
      for (let i = 0; i < 3; i++) {
        profiler.during('record', () => {
          relu(x).dispose();
        });
      }
      await device.settle();
      relu(x).dispose();
    });
    expect(gpu.map(({ launch }) => launch?.name)).toEqual(Array(4).fill('pointwise/pointwise_forward'));
    expect(gpu[0]!.launch).toMatchObject({ params: { count: 1024 }, bytes: 2 * 4096 * 4, flops: undefined });
    expect(gpu[0]!.launch!.variant).toMatch(/^pointwise\/pointwise_forward .*ACTIVATION=1/);
    gpu.forEach(({ begin, end }, i) => {
      expect(end).toBeGreaterThan(begin);
      if (i > 0) expect(begin).toBeGreaterThanOrEqual(gpu[i - 1]!.begin);
    });
    expect(host.filter(({ work }) => work === 'record').length).toBe(3);
    for (const work of ['encode', 'submit', 'wait']) expect(host.map(span => span.work)).toContain(work);
    x.dispose();
  });

  it('puts no launch before its submission', async () => {
    const x = Tensor.ones([64]).keep();
    const { gpu, host } = await device.profile(async () => {
      for (let i = 0; i < 4; i++) {
        relu(x).dispose();
        await device.settle();
      }
    });
    const encodes = host.filter(({ work }) => work === 'encode');
    expect(encodes.length).toBe(4);
    encodes.forEach(({ begin }, i) => {
      expect(gpu[i]!.begin).toBeGreaterThan(begin);
    });
    x.dispose();
  });

  it('has copies, clears and the writes that stand among them', async () => {
    const x = Tensor.ones([64]).keep();
    const y = Tensor.empty([64]).keep();
    const launches = await launchesOf(device, () => {
      relu(x).dispose();
      x.set(new Float32Array(64));
      device.copy(x.slice, y.slice);
      device.clear(y.slice);
    });
    expect(launches.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['pointwise/pointwise_forward', 512],
      ['writeBuffer', 256],
      ['copyBufferToBuffer', 512],
      ['clearBuffer', 256],
    ]);
    x.dispose();
    y.dispose();
  });

  it('holds more launches than a query set', async () => {
    const x = Tensor.ones([64]).keep();
    const launches = await launchesOf(device, () => {
      for (let i = 0; i < 2500; i++) relu(x).dispose();
    });
    expect(launches.length).toBe(2500);
    x.dispose();
  });

  it('has whole submissions where asked, without a pass for each launch', async () => {
    const x = Tensor.ones([64]).keep();
    const { submits } = device.counts;
    const { gpu } = await device.profile(async () => {
      for (let i = 0; i < 5; i++) {
        for (let k = 0; k < 3; k++) relu(x).dispose();
        await device.settle(2);
      }
    }, 'submissions');
    expect(device.counts.submits - submits).toBe(5);
    expect(gpu.map(({ launch }) => launch)).toEqual(Array(5).fill(undefined));
    for (const { begin, end } of gpu) expect(end).toBeGreaterThan(begin);
    x.dispose();
  });

  it('changes no result', async () => {
    const x = Tensor.from([-1, 2, -3, 4], [4]).keep();
    let y: Tensor | undefined;
    await launchesOf(device, () => {
      y = relu(x);
    });
    expect([...(await y!.data())]).toEqual([0, 2, 0, 4]);
    for (const tensor of [x, y!]) tensor.dispose();
  });

  it('is one at a time, and a fault ends it', async () => {
    await device.profile(async () => {
      await expect(device.profile(() => Promise.resolve())).rejects.toThrow('profiled already');
    });
    await expect(device.profile(() => Promise.reject(new Error('mine')))).rejects.toThrow('mine');
    expect((await device.profile(() => Promise.resolve())).gpu).toEqual([]);
  });

  it('gives query sets and buffers back', async () => {
    const adapter = (await gpu.requestAdapter())!;
    const raw = await adapter.requestDevice({ requiredFeatures: ['timestamp-query'] });
    const fresh = new Device({ adapter, device: raw, keepAlive: gpu, shaderText });
    opened.push(fresh);
    const made: { destroy: () => void }[] = [];
    const watch = <T extends { destroy: () => void }>(object: T): T => {
      made.push(object);
      vi.spyOn<{ destroy: () => void }, 'destroy'>(object, 'destroy');
      return object;
    };
    const [createQuerySet, createBuffer] = [raw.createQuerySet.bind(raw), raw.createBuffer.bind(raw)];
    vi.spyOn(raw, 'createQuerySet').mockImplementation(descriptor => watch(createQuerySet(descriptor)));
    vi.spyOn(raw, 'createBuffer').mockImplementation(descriptor => {
      const buffer = createBuffer(descriptor);
      return descriptor.label === 'timestamps' ? watch(buffer) : buffer;
    });
    const x = Tensor.ones([64], { device: fresh });
    await fresh.profile(() => {
      relu(x).dispose();
      return Promise.resolve();
    });
    expect(made.length).toBe(3); // the set, what it is resolved into, and what is read
    for (const object of made) expect(object.destroy).toHaveBeenCalledTimes(1);
  });
});

describe.runIf(timed).each(pathNames)('operations and bytes of a launch, %s', path => {
  let device: Device;
  beforeAll(async () => {
    device = await paths[path]();
    setDefaultDevice(device);
  });

  const flopsOf = (launches: readonly Launch[]) =>
    launches.flatMap(({ flops }) => (flops === undefined ? [] : [flops]));

  it.each([
    ['3x3', [2, 8, 6, 5], [12, 8, 3, 3], { padding: 1 }, 2 * (2 * 12 * 6 * 5) * (8 * 9)],
    ['strided', [2, 8, 7, 7], [4, 8, 3, 3], { stride: 2 }, 2 * (2 * 4 * 3 * 3) * (8 * 9)],
    ['1x1', [2, 8, 4, 4], [12, 8, 1, 1], {}, 2 * (2 * 12 * 4 * 4) * 8],
    ['grouped', [2, 8, 4, 4], [12, 4, 3, 3], { padding: 1, groups: 2 }, 2 * (2 * 12 * 4 * 4) * (4 * 9)],
    ['depthwise', [2, 8, 4, 4], [8, 1, 3, 3], { padding: 1, groups: 8 }, 2 * (2 * 8 * 4 * 4) * 9],
  ] as const)('of a convolution, %s: forward and both gradients do the same', async (_, x, w, options, flops) => {
    const launches = await launchesOf(device, () => {
      const input = Tensor.ones(x, { requiresGrad: true });
      const weight = Tensor.ones(w, { requiresGrad: true });
      const y = conv2d(input, weight, undefined, options);
      backward(y, Tensor.ones(y.shape));
    });
    expect(flopsOf(launches)).toEqual([flops, flops, flops]);
  });

  it('of products', async () => {
    const launches = await launchesOf(device, () => {
      const a = Tensor.ones([6, 8], { requiresGrad: true });
      const b = Tensor.ones([8, 12], { requiresGrad: true });
      const y = matmul(a, b);
      backward(y, Tensor.ones(y.shape));
      linear(Tensor.ones([5, 8]), Tensor.ones([3, 8]));
    });
    const square = 2 * 6 * 8 * 12;
    expect(flopsOf(launches)).toEqual([square, square, square, 2 * 5 * 8 * 3]);
    // An absent bias is not moved.
    const last = launches.at(-1)!;
    expect(last.bytes).toBe(4 * (5 * 8 + 3 * 8) + Math.ceil((4 * 5 * 3) / 16) * 16);
  });

  it('of kernels that update in place, and of those that touch a part', async () => {
    const p = Parameter.of(new Float32Array(1024), [64, 16]);
    const adam = new Adam([p]);
    p.grad = Tensor.ones([64, 16]).keep();
    const [update] = (
      await launchesOf(device, () => {
        adam.step();
      })
    ).filter(({ name }) => name === 'optimizer/adam');
    // Parameter and both means are read and written, the gradient is read; and a little that says what to do.
    expect(update!.bytes - 7 * 4096).toBeGreaterThan(0);
    expect(update!.bytes - 7 * 4096).toBeLessThan(1024);
    const [sum] = (
      await launchesOf(device, () => {
        accumulate(Tensor.ones([64]), Tensor.ones([64]));
      })
    ).filter(({ name }) => name === 'binary/accumulate');
    expect(sum!.bytes).toBe(3 * 256);
    const parts = (
      await launchesOf(device, () => {
        concat([Tensor.ones([2, 4, 3, 3]), Tensor.ones([2, 8, 3, 3])]);
        narrow(Tensor.ones([2, 12, 3, 3]), 1, 0, 4);
      })
    ).filter(({ name }) => name === 'rows/rows_copy');
    expect(parts.map(({ bytes }) => bytes)).toEqual([2 * 288, 2 * 576, 2 * 288]);
  });
});

describe('what a shader updates', () => {
  const shader = parseShader(
    'made-up',
    `
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
    @group(0) @binding(2) var<storage, read_write> z: array<f32>;
    @group(0) @binding(3) var<storage, read_write> total: array<f32>;
    // y[0] == y[1]
    fn load(i: u32) -> f32 { return z[index(x[i])]; }
    @compute @workgroup_size(1) fn write() { y[u32(x[0])] = vec4f(); y[1].x = 1.0; if (x[0] > 1.0) { total[0] = 1.0; } }
    @compute @workgroup_size(1) fn add() { total[u32(x[0])] += 1.0; }
    @compute @workgroup_size(1) fn compare() { if (y[0].x == 1.0) { total[0] = 1.0; } }
    `,
  );

  it('is what an entry point, or a function that is none, reads and may write', () => {
    // `load` may be called by each.
    expect([...updatedBy(shader, 'write')]).toEqual(['z']);
    expect([...updatedBy(shader, 'add')]).toEqual(['z', 'total']);
    expect([...updatedBy(shader, 'compare')]).toEqual(['y', 'z']);
  });

  it('is so in the shaders', () => {
    const of = (name: string, entry: string) => [...updatedBy(parseShader(name, shaderText(name)), entry)];
    expect(of('optimizer', 'adam')).toEqual(['parameter', 'first', 'second']);
    expect(of('binary', 'accumulate')).toEqual(['c']);
    expect(of('batch_norm', 'batch_norm_finish')).toEqual(['running_mean', 'running_var']);
    expect(of('batch_norm', 'batch_norm_apply')).toEqual([]);
    expect(of('cross_entropy', 'cross_entropy_totals')).toEqual(['totals']);
    expect(of('conv2d', 'conv2d_backward_weight')).toEqual([]);
  });
});
