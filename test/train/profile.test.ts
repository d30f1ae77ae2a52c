import { create } from 'webgpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { Device } from '../../src/gpu/device.js';
import { shaderText } from '../../src/gpu/node.js';
import type { GpuSpan, Launch, Timeline } from '../../src/gpu/profiler.js';
import { countMacs, modelRegistry } from '../../src/nn/index.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { kernelProfiles, profile, type Profile, type ProfileOptions } from '../../src/train/profile/profile.js';
import { idle, length, tracks } from '../../src/train/profile/spans.js';
import { chromeTrace } from '../../src/train/profile/trace.js';
import { paths } from '../devices.js';

const gpu = create([]);
const timed = (await paths.native()).features.has('timestamp-query');

const options: ProfileOptions = {
  model: 'simple-cnn',
  inputSize: 16,
  mode: 'train',
  batchSize: 4,
  optimizer: 'adam',
  steps: 3,
};

describe('spans', () => {
  const span = (begin: number, end: number) => ({ begin, end });
  const spans = [span(0, 2), span(1, 3), span(3, 4), span(6, 9), span(7, 8), span(10, 11)];

  it('cover time once, however many lie over it', () => {
    expect(length(spans)).toBe(4 + 3 + 1);
    expect(length([])).toBe(0);
  });

  it('leave gaps', () => {
    expect(idle(spans)).toEqual([span(4, 6), span(9, 10)]);
    expect(idle([span(0, 1)])).toEqual([]);
  });

  it('share a track where they follow or enclose each other', () => {
    expect(tracks(spans)).toEqual([[span(0, 2), span(3, 4), span(6, 9), span(7, 8), span(10, 11)], [span(1, 3)]]);
  });
});

interface Slice {
  ph: string;
  name: string;
  ts: number;
  dur: number;
  pid: number;
  tid: number;
  cat: string;
  args: Record<string, unknown>;
}

/** Reads a trace as Perfetto does: slices of a track must lie behind or inside each other. */
function readTrace(text: string): { names: Map<number, string>; slices: Slice[] } {
  const { traceEvents, displayTimeUnit } = JSON.parse(text) as { traceEvents: Slice[]; displayTimeUnit: string };
  expect(displayTimeUnit).toBe('ms');
  const names = new Map<number, string>();
  const slices: Slice[] = [];
  for (const event of traceEvents) {
    expect(['M', 'X']).toContain(event.ph);
    for (const number of [event.pid, event.tid]) expect(Number.isInteger(number)).toBe(true);
    if (event.ph === 'M') {
      if (event.name === 'thread_name') names.set(event.tid, event.args.name as string);
      else expect(event.name).toBe('process_name');
      continue;
    }
    expect(event.ts).toBeGreaterThanOrEqual(0);
    expect(event.dur).toBeGreaterThanOrEqual(0);
    slices.push(event);
  }
  for (const tid of new Set(slices.map(slice => slice.tid))) {
    expect(names.has(tid)).toBe(true);
    const open: Slice[] = [];
    for (const slice of slices.filter(slice => slice.tid === tid).sort((a, b) => a.ts - b.ts || b.dur - a.dur)) {
      const end = ({ ts, dur }: Slice) => ts + dur;
      // Rounded to nanoseconds.
      while (open.length > 0 && end(open.at(-1)!) <= slice.ts + 2e-3) open.pop();
      if (open.length > 0) expect(end(slice)).toBeLessThanOrEqual(end(open.at(-1)!) + 2e-3);
      open.push(slice);
    }
  }
  return { names, slices };
}

describe("Chrome's trace format", () => {
  const launch: Launch = { name: 'a/b', variant: 'a/b T=1', params: { n: 2 }, flops: 8, bytes: 16 };
  const at = (begin: number, end: number, more: Partial<Launch> = {}): GpuSpan => ({
    begin,
    end,
    launch: { ...launch, ...more },
  });

  it('has a slice for each span, in microseconds from the first', () => {
    const timeline: Timeline = {
      gpu: [at(101, 102.5), at(103, 103.25, { flops: undefined })],
      host: [
        { work: 'record', begin: 100, end: 100.5 },
        { work: 'encode', begin: 100.5, end: 101 },
        { work: 'submit', begin: 100.75, end: 101 },
      ],
    };
    const { names, slices } = readTrace(chromeTrace(timeline, 'facegrad test'));
    expect([...names.values()]).toEqual(['host', 'GPU']);
    expect(slices.map(({ name, cat, ts, dur }) => [name, cat, ts, dur])).toEqual([
      ['record', 'host', 0, 500],
      ['encode', 'host', 500, 500],
      ['submit', 'host', 750, 250],
      ['a/b', 'gpu', 1000, 1500],
      ['a/b', 'gpu', 3000, 250],
    ]);
    expect(slices[3]!.args).toEqual({ variant: 'a/b T=1', n: 2, bytes: 16, flops: 8 });
    expect(slices[4]!.args).toEqual({ variant: 'a/b T=1', n: 2, bytes: 16 });
    expect(chromeTrace(timeline, 'facegrad test')).toContain('"process_name"');
  });

  it('puts launches that overlap on tracks of their own', () => {
    const { names, slices } = readTrace(chromeTrace({ gpu: [at(0, 2), at(1, 3), at(2, 4)], host: [] }, 'x'));
    expect([...names.values()].slice(1)).toEqual(['GPU', 'GPU (beside, 1)']);
    expect(slices.map(({ tid }) => tid)).toEqual([2, 2, 3]);
  });
});

describe('kernels of a profile', () => {
  const of = (begin: number, ms: number, more: Partial<Launch>): GpuSpan => ({
    ...{ begin, end: begin + ms },
    launch: { name: 'conv/f', variant: 'conv/f', params: {}, flops: undefined, bytes: 0, ...more },
  });
  // Two steps of three launches.
  const gpu = [0, 10].flatMap(start => [
    of(start, 1, { variant: 'conv/f A=1', params: { n: 2, pad: 1 }, flops: 4e6, bytes: 1e6 }),
    of(start + 1, 2, { variant: 'conv/f A=2', params: { n: 3, pad: 0 }, flops: 5e6, bytes: 1e6 }),
    of(start + 4, start === 0 ? 1 : 3, { name: 'relu/f', bytes: 4e6, params: { x: 0.5 } }),
  ]);
  const made = {
    options: { ...options, steps: 2 },
    roofs: { copyKernel: 4, copyBuffer: 8, fma: 30 },
    timeline: { gpu, host: [] },
  } as unknown as Profile;

  it('are sums of a step, medians over the steps, with rates against the roofs', () => {
    expect(kernelProfiles(made, 'kernel')).toEqual([
      {
        name: 'conv/f',
        calls: 2,
        ms: 3,
        meanMs: 1.5,
        bestMs: 3,
        share: 0.6,
        gflops: 3,
        gbs: 2 / 3,
        ofFma: 0.1,
        ofCopy: 1 / 6,
      },
      {
        name: 'relu/f',
        calls: 1,
        ms: 2,
        meanMs: 2,
        bestMs: 1,
        share: 0.4,
        gflops: undefined,
        gbs: 2,
        ofFma: undefined,
        ofCopy: 0.5,
      },
    ]);
  });

  it('are parted by constants or sizes', () => {
    expect(kernelProfiles(made, 'variant').map(({ name, ms }) => [name, ms])).toEqual([
      ['conv/f A=2', 2],
      ['conv/f', 2],
      ['conv/f A=1', 1],
    ]);
    expect(kernelProfiles(made, 'shape').map(({ name }) => name)).toEqual(['conv/f n=3', 'relu/f', 'conv/f n=2']);
  });
});

describe('a profile', () => {
  it('of an adapter without timestamp queries is refused', async () => {
    const adapter = (await gpu.requestAdapter())!;
    const device = new Device({ adapter, device: await adapter.requestDevice(), keepAlive: gpu, shaderText });
    await expect(profile(device, options)).rejects.toThrow(/has no timestamp queries/);
    device.destroy();
  });

  describe.runIf(timed)('on this adapter', () => {
    let device: Device;
    beforeAll(async () => {
      device = await paths.native();
      setDefaultDevice(device);
    });

    const total = (result: Profile) =>
      result.timeline.gpu.reduce((sum, { launch }) => sum + (launch!.flops ?? 0), 0) / result.options.steps;

    it("counts a network's operations exactly, forward and backward", async () => {
      const before = device.pool.liveBytes;
      const model = modelRegistry['simple-cnn']!.create({ size: 16 });
      const macs = countMacs(model, [1, 16, 16]);
      model.dispose();
      const forward = 2 * macs * options.batchSize;
      const infer = await profile(device, { ...options, mode: 'infer' });
      expect(total(infer)).toBe(forward);
      const train = await profile(device, options);
      // The images take no gradient: 16 outputs of 9 taps at 16².
      expect(total(train)).toBe(3 * forward - 2 * options.batchSize * 16 * 16 * 16 * 9);
      expect(train.input).toEqual([1, 16, 16]);
      expect(train.timeline.gpu.length).toBe(train.step.counts.launches * options.steps);
      const names = kernelProfiles(train, 'kernel').map(({ name }) => name);
      expect(names).toContain('optimizer/adam');
      expect(names).toContain('conv2d/conv2d_backward_weight');
      expect(kernelProfiles(infer, 'kernel').map(({ name }) => name)).not.toContain('optimizer/adam');
      expect(kernelProfiles(train, 'kernel').reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
      // The tape keeps one constant a device.
      expect(device.pool.liveBytes - before).toBeLessThanOrEqual(256);
    });

    it('says where the time of a step goes, and what was made in it', async () => {
      const { step, roofs, timeline } = await profile(device, { ...options, optimizer: 'sgd' });
      expect(step.gpuBusyMs).toBeGreaterThan(0);
      expect(step.gpuBusyMs + step.gpuIdleMs).toBeCloseTo(step.wallMs, 9);
      expect(step.wallMs).toBeGreaterThanOrEqual(step.gpuBusyMs);
      expect(step.imagesPerSecond).toBeCloseTo((1000 * options.batchSize) / step.wallMs, 6);
      const { record, encode, submit, wait } = step.host;
      for (const ms of [record, encode, submit, wait]) expect(ms).toBeGreaterThan(0);
      expect(record + encode + submit + wait).toBeLessThanOrEqual(step.wallMs);
      expect(step.counts).toMatchObject({ bindGroups: 0, buffers: 0, kernels: 0, readbacks: 0, submits: 1 });
      for (const roof of Object.values(roofs)) expect(roof).toBeGreaterThan(0.1);
      readTrace(chromeTrace(timeline, 'facegrad simple-cnn'));
    });

    it('needs two images where there is batch normalisation', async () => {
      const single = { ...options, model: 'mini-resnet', batchSize: 1 };
      await expect(profile(device, single)).rejects.toThrow('batches of two images or more');
      const { step } = await profile(device, { ...single, mode: 'infer', steps: 1 });
      expect(step.counts.launches).toBeGreaterThan(10);
    });
  });
});
