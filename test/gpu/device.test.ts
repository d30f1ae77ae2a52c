import { readdirSync, readFileSync } from 'node:fs';
import { create } from 'webgpu';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Device } from '../../src/gpu/device.js';
import { openDevice, shaderText } from '../../src/gpu/node.js';
import { relu } from '../../src/kernels/index.js';
import { setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { paths } from '../devices.js';

const fault = `// A kernel that does not compile. Dispatch (1).
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] = undeclared; }`;

const twice = `// y = 2·y. Dispatch (1).
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<uniform> p: Params;
@compute @workgroup_size(1) fn main() { for (var i = 0u; i < p.count; i++) { y[i] *= 2.0; } }`;

const gpu = create([]);
const opened: Device[] = [];

/** A device of its own, so that what is broken on purpose breaks nothing else. */
async function freshDevice(texts: Record<string, string> = {}): Promise<Device> {
  const adapter = (await gpu.requestAdapter())!;
  const device = await adapter.requestDevice();
  const made = new Device({ adapter, device, keepAlive: gpu, shaderText: name => texts[name] ?? shaderText(name) });
  opened.push(made);
  return made;
}

afterEach(() => {
  for (const device of opened.splice(0)) device.destroy();
});

describe('the shaders compile without a message', () => {
  let device: GPUDevice;
  beforeAll(async () => {
    const adapter = (await gpu.requestAdapter())!;
    device = await adapter.requestDevice({
      requiredFeatures: adapter.features.has('subgroups') ? ['subgroups'] : [],
    });
  });

  // Dawn prints a shader's warnings on standard output, where results of --json belong.
  it.each(readdirSync(new URL('../../shaders/', import.meta.url)))('%s', async file => {
    const code = readFileSync(new URL(`../../shaders/${file}`, import.meta.url), 'utf8');
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    expect(messages.map(({ lineNum, message }) => `${lineNum}: ${message}`)).toEqual([]);
  });
});

describe('the command stream', () => {
  it('runs writes, copies and kernels in the order in which they were recorded', async () => {
    const device = await freshDevice({ twice });
    const a = device.pool.acquire(16);
    const b = device.pool.acquire(16);
    const double = () => {
      device.dispatch({ shader: 'twice', entry: 'main', bindings: { y: a }, params: { count: 4 }, grid: [1] });
    };
    device.write(a, new Float32Array([1, 2, 3, 4]));
    double();
    device.copy(a, b); // 2 4 6 8
    device.write(a, new Float32Array([10, 10, 10, 10])); // must not overtake the copy
    double();
    double();
    expect([...new Float32Array(await device.read(b))]).toEqual([2, 4, 6, 8]);
    expect([...new Float32Array(await device.read(a))]).toEqual([40, 40, 40, 40]);
    device.clear(a);
    expect([...new Float32Array(await device.read(a))]).toEqual([0, 0, 0, 0]);
  });

  it('reuses a released buffer at once, and counts what is live', async () => {
    const device = await freshDevice({ twice });
    const { liveBytes, liveCount } = device.pool;
    const a = device.pool.acquire(1000);
    expect(device.pool.liveBytes).toBe(liveBytes + 1024);
    device.pool.release(a.buffer);
    expect(() => {
      device.pool.release(a.buffer);
    }).toThrow('released twice');
    expect(device.pool.acquire(1001).buffer).toBe(a.buffer);
    expect(device.pool.liveCount).toBe(liveCount + 1);
    device.pool.trim();
    await device.settle();
  });

  it('goes on after free buffers were given back to the driver', async () => {
    const device = await freshDevice({ twice });
    for (let i = 0; i < 20; i++) {
      const a = device.pool.acquire(64);
      device.write(a, new Float32Array([i]));
      device.dispatch({ shader: 'twice', entry: 'main', bindings: { y: a }, params: { count: 1 }, grid: [1] });
      expect(new Float32Array(await device.read(a))[0]).toBe(2 * i);
      device.pool.release(a.buffer);
      device.pool.trim();
    }
    expect(device.pool.allocatedBytes).toBe(device.pool.liveBytes);
  });
});

describe('faults', () => {
  it('of a shader surface at the next sync, with the kernel named', async () => {
    const device = await freshDevice({ fault });
    device.dispatch({ shader: 'fault', entry: 'main', bindings: { y: device.pool.acquire(16) }, grid: [1] });
    await expect(device.settle()).rejects.toThrow(/fault\/main|undeclared/);
    expect(() => {
      device.submit();
    }).toThrow(/undeclared|fault/);
  });

  it('of a call are thrown where they are made: names, parameters and grids', async () => {
    const device = await freshDevice({ twice });
    const y = device.pool.acquire(16);
    const call = { shader: 'twice', entry: 'main', bindings: { y }, params: { count: 1 }, grid: [1] as const };
    expect(() => {
      device.dispatch({ ...call, entry: 'other' });
    }).toThrow('no entry point other');
    expect(() => {
      device.dispatch({ ...call, bindings: { z: y } });
    }).toThrow('no storage binding z');
    expect(() => {
      device.dispatch({ ...call, params: {} });
    }).toThrow('takes the parameters count');
    expect(() => {
      device.dispatch({ ...call, constants: { TILE: 1 } });
    }).toThrow('declares no constant TILE');
    expect(() => {
      device.dispatch({ ...call, grid: [70_000] });
    }).toThrow('65535');
  });

  it('of memory of another device are thrown at once, even where its number is one of ours', async () => {
    const [a, b] = [await freshDevice({ twice }), await freshDevice({ twice })];
    const [own, foreign] = [a.pool.acquire(16), b.pool.acquire(16)];
    const call = { shader: 'twice', entry: 'main', params: { count: 1 }, grid: [1] as const };
    a.dispatch({ ...call, bindings: { y: own } });
    for (const use of [
      () => {
        a.dispatch({ ...call, bindings: { y: foreign } });
      },
      () => {
        a.write(foreign, new Float32Array(4));
      },
      () => {
        a.copy(own, foreign);
      },
      () => {
        a.clear(foreign);
      },
    ]) {
      expect(use).toThrow('another device');
    }
    await expect(a.read(foreign)).rejects.toThrow('another device');
    await a.settle();
  });

  it('a lost device is named at the next sync', async () => {
    const adapter = (await gpu.requestAdapter())!;
    const raw = await adapter.requestDevice();
    const device = new Device({ adapter, device: raw, keepAlive: gpu, shaderText });
    raw.destroy(); // behind the wrapper's back, as a driver's reset would
    await raw.lost;
    await expect(device.settle()).rejects.toThrow('lost');
  });

  it('use after destroy is refused', async () => {
    const device = await freshDevice();
    device.destroy();
    expect(() => {
      device.clear(device.zeros);
    }).toThrow('destroyed');
  });

  it('a read that is under way when the device is destroyed says so', async () => {
    const device = await freshDevice();
    const reading = device.read(device.zeros);
    device.destroy();
    await expect(reading).rejects.toThrow('destroyed');
  });
});

describe('openDevice', () => {
  it('gives a device whose kernels run, with and without subgroups', async () => {
    for (const open of Object.values(paths)) {
      const device = await open();
      setDefaultDevice(device);
      expect([...(await relu(Tensor.from([-1, 2], [2])).data())]).toEqual([0, 2]);
    }
    expect((await paths.portable()).subgroupSize).toBe(0);
  });

  it('refuses adapters and backends that are not there, and says which are', async () => {
    await expect(openDevice({ backend: 'glide' })).rejects.toThrow(/unknown backend 'glide'.*vulkan/);
    await expect(openDevice({ adapter: 'Voodoo 2' })).rejects.toThrow('no WebGPU adapter');
  });

  it('times kernels between timestamps', async () => {
    const device = await paths.native();
    if (!device.features.has('timestamp-query')) {
      await expect(device.profile(() => Promise.resolve())).rejects.toThrow('no timestamp queries');
      return;
    }
    setDefaultDevice(device);
    const x = Tensor.ones([4096]);
    const { times } = await device.profile(async () => {
      for (let i = 0; i < 3; i++) relu(x).dispose();
      await device.settle();
      relu(x).dispose();
    });
    const [time] = [...times.values()];
    expect(time?.label).toContain('pointwise_forward');
    expect(time?.launches).toBe(4);
    expect(time?.ms).toBeGreaterThan(0);
    expect(time?.ms).toBeLessThan(5000);
  });

  it('times what a write has parted from the rest of its batch', async () => {
    const device = await paths.native();
    if (!device.features.has('timestamp-query')) {
      await expect(device.profile(() => Promise.resolve())).rejects.toThrow('no timestamp queries');
      return;
    }
    setDefaultDevice(device);
    const x = Tensor.ones([64]);
    const { times } = await device.profile(async () => {
      relu(x).dispose();
      x.set(new Float32Array(64)); // may not overtake the kernel, so the kernel is submitted before
      await device.settle();
    });
    expect([...times.values()].map(({ launches }) => launches)).toEqual([1]);
  });
});
