import { readdirSync, readFileSync } from 'node:fs';
import { create } from 'webgpu';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Device } from '../../src/gpu/device.js';
import { MATRIX_FEATURE } from '../../src/gpu/matrices.js';
import { openDevice, shaderText, waitInTurns } from '../../src/gpu/node.js';
import type { Slice } from '../../src/gpu/pool.js';
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

const sum = `// y += x. Dispatch (1).
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(1) fn main() { y[0] += x[0]; }`;

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

/** Compiles and runs nothing. */
const nothing = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);

describe('the shaders compile without a message', () => {
  let device: GPUDevice;
  beforeAll(async () => {
    // What there is to say about the language is the same for every adapter, and this one offers all of it.
    const adapter = (await nothing.requestAdapter())!;
    const requiredFeatures = ['subgroups', 'shader-f16', MATRIX_FEATURE] as GPUFeatureName[];
    device = await adapter.requestDevice({ requiredFeatures });
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

  it('writes in the midst of commands without parting them, but what is too large for that', async () => {
    const device = await freshDevice({ twice });
    const size = 10_000; // floats: one write fits into a command buffer's share, two do not
    const y = device.pool.acquire(size * 4);
    const copies = [0, 1, 2].map(() => device.pool.acquire(size * 4));
    const { submits } = device.counts;
    copies.forEach((copy, i) => {
      device.write(y, new Float32Array(size).fill(i + 1));
      device.dispatch({ shader: 'twice', entry: 'main', bindings: { y }, params: { count: 4 }, grid: [1] });
      device.copy(y, copy);
    });
    await device.settle();
    expect(device.counts.submits - submits).toBe(2);
    for (const [i, copy] of copies.entries()) {
      const values = new Float32Array(await device.read(copy));
      expect([values[3], values[4], values[size - 1]]).toEqual([2 * (i + 1), i + 1, i + 1]);
    }
  });

  it('begins each batch with free buffers in the same order, in whichever they were released', async () => {
    const device = await freshDevice();
    const made = [0, 1, 2, 3].map(() => device.pool.acquire(300).buffer);
    for (const i of [2, 0, 3, 1]) device.pool.release(made[i]!);
    device.submit();
    expect([0, 1, 2, 3].map(() => device.pool.acquire(300).buffer.id)).toEqual(made.map(({ id }) => id));
    for (const i of [2, 0, 3, 1]) device.pool.release(made[i]!);
    // Within a batch what was freed last may still lie in a cache.
    expect(device.pool.acquire(300).buffer.id).toBe(made[1]!.id);
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

describe('counts', () => {
  it('tell launches, submits and what had to be made for them', async () => {
    const device = await freshDevice({ twice });
    const a = device.pool.acquire(16);
    const run = async (slice: Slice) => {
      const before = device.counts;
      device.write(slice, new Float32Array(4));
      device.dispatch({ shader: 'twice', entry: 'main', bindings: { y: slice }, params: { count: 4 }, grid: [1] });
      await device.settle();
      const after = device.counts;
      return Object.fromEntries(Object.entries(after).map(([name, value]) => [name, value - before[name as never]]));
    };
    const steady = { launches: 1, submits: 1, bindGroups: 0, buffers: 0, kernels: 0, writes: 1, readbacks: 0 };
    expect(await run(a)).toEqual({ ...steady, bindGroups: 1, kernels: 1 });
    expect(await run(a)).toEqual(steady);
    const b = device.pool.acquire(32);
    expect(await run(b)).toEqual({ ...steady, bindGroups: 1 }); // the buffer was made before
    const { buffers, readbacks } = device.counts;
    await device.read(b);
    expect(device.counts).toMatchObject({ buffers, readbacks: readbacks + 1 });
  });

  it('forget the bind groups of buffers that were given back to the driver, and keep the others', async () => {
    const device = await freshDevice({ sum });
    const [kept, gone] = [device.pool.acquire(16), device.pool.acquire(300)];
    const add = (x: Slice, y: Slice) => {
      device.dispatch({ shader: 'sum', entry: 'main', bindings: { x, y }, grid: [1] });
    };
    add(kept, gone);
    add(gone, kept);
    add(device.zeros, kept);
    expect(device.bindGroupCount).toBe(3);
    device.pool.release(gone.buffer);
    device.pool.trim();
    await device.settle();
    expect(device.bindGroupCount).toBe(1);
    device.pool.release(kept.buffer);
    device.pool.trim();
    await device.settle();
    expect(device.bindGroupCount).toBe(0);
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

  it('of a copy or a write of more than there is room for are thrown at once', async () => {
    const device = await freshDevice();
    const [small, large] = [device.pool.acquire(16), device.pool.acquire(32)];
    expect(() => {
      device.copy(large, small);
    }).toThrow('copy of 32 bytes into a slice of 16');
    expect(() => {
      device.write(small, new Float32Array(8));
    }).toThrow('write of 32 bytes into a slice of 16');
    device.copy(small, large);
    await device.settle();
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
    await expect(device.settle()).rejects.toThrow('destroyed');
  });

  it('a wait that is under way when the device is destroyed says so', async () => {
    const device = await freshDevice();
    device.clear(device.pool.acquire(16));
    const settling = device.settle();
    device.destroy();
    await expect(settling).rejects.toThrow('destroyed');
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
});

describe('waiting in turns', () => {
  it('sleeps between turns of the event loop, which would take a core otherwise', async () => {
    const late = new Promise<string>(resolve => setTimeout(resolve, 60, 'done'));
    let turns = 0;
    let waiting = true;
    const count = () => {
      turns++;
      if (waiting) setImmediate(count);
    };
    count();
    expect(await waitInTurns(late)).toBe('done');
    waiting = false;
    // Without sleep there are tens of thousands.
    expect(turns).toBeLessThan(1000);
  });

  it('passes a rejection on', async () => {
    await expect(waitInTurns(Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  });
});
