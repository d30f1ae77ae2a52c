import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { paths } from '../devices.js';
import { facegrad, jsonLines } from './facegrad.js';

const timed = (await paths.native()).features.has('timestamp-query');

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-profile-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const small = ['simple-cnn', '--batch-size', '4', '--input-size', '16', '--steps', '2'];
const run = (...args: string[]) => facegrad(['profile', ...args]);

describe.runIf(timed)('facegrad profile', () => {
  it('prints the kernels of a training step, the roofs, and where the time of a step goes', async () => {
    const { code, stdout } = await run(...small, '--optimizer', 'sgd');
    expect(code).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('simple-cnn, training with sgd: 2 steps of 4 images 1x16x16');
    expect(lines[2]).toMatch(
      /^roofs: [\d.,]+ GB\/s copied by a kernel, [\d.,]+ by copyBufferToBuffer; [\d.,]+ GFLOP\/s/,
    );
    expect(lines[4]).toMatch(/^kernel +calls +ms +mean ms +share +GFLOP\/s +of roof +GB\/s +of copy$/);
    expect(stdout).toMatch(
      /^conv2d\/conv2d_backward_weight +3 +[\d.]+ +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ % +[\d.]+ +[\d.]+ %$/m,
    );
    expect(stdout).toMatch(/^max_pool2d\/max_pool2d_forward +3 +[\d.]+ +[\d.]+ +[\d.]+ % +— +— +[\d.]+ +[\d.]+ %$/m);
    expect(stdout).toMatch(/^optimizer\/sgd_momentum +1 /m);
    expect(stdout).toMatch(/^ {2}host encodes +[\d.]+ ms {2}0 new bind groups$/m);
    expect(stdout).toMatch(/^ {2}host submits +[\d.]+ ms {2}1 submits$/m);
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(120);
  });

  it('gives one JSON value, and a timeline with the same launches', async () => {
    const trace = join(folder, 'trace.json');
    const { code, stdout } = await run(...small, '--mode', 'infer', '--by', 'shape', '--json', '--trace', trace);
    expect(code).toBe(0);
    const [profile, ...more] = jsonLines(stdout) as [
      {
        kernels: { name: string; calls: number; gflops: number | null }[];
        step: { counts: { launches: number } };
        roofs: Record<string, number>;
      },
    ];
    expect(more).toEqual([]);
    expect(profile).toMatchObject({ model: 'simple-cnn', mode: 'infer', batchSize: 4, input: [1, 16, 16], steps: 2 });
    expect(profile).not.toHaveProperty('optimizer');
    expect(Object.keys(profile.roofs)).toEqual(['copyKernelGBs', 'copyBufferGBs', 'fmaGflops']);
    const calls = profile.kernels.reduce((sum, kernel) => sum + kernel.calls, 0);
    expect(calls).toBe(profile.step.counts.launches);
    const convolutions = profile.kernels.filter(({ name }) => name.startsWith('conv2d/conv2d_forward '));
    expect(convolutions.map(({ calls }) => calls)).toEqual([1, 1, 1]);
    for (const { gflops } of convolutions) expect(gflops).toBeGreaterThan(0);
    expect(profile.kernels.find(({ name }) => name.startsWith('max_pool2d/'))!.gflops).toBeNull();
    const { traceEvents } = JSON.parse(await readFile(trace, 'utf8')) as {
      traceEvents: { ph: string; cat?: string }[];
    };
    expect(traceEvents.filter(({ cat }) => cat === 'gpu').length).toBe(2 * calls);
    expect(traceEvents.some(({ cat }) => cat === 'host')).toBe(true);
  });

  it('refuses to train on one image where there is batch normalisation', async () => {
    const { code, stderr } = await run('mini-resnet', '--batch-size', '1');
    expect(stderr).toContain('batches of two images or more');
    expect(code).toBe(2);
  });
});

describe('facegrad profile without a GPU', () => {
  it.each([
    ['a model that is not there', ['mobilenet'], "no model is called 'mobilenet': did you mean mobilenet-v2?"],
    ['an input too small for the pools', ['vgg-fer', '--input-size', '15'], 'it takes 16x16 or more'],
    ['an option that the model does not have', ['simple-cnn', '--se'], 'simple-cnn'],
    [
      'an optimizer where nothing is updated',
      ['simple-cnn', '--mode', 'infer', '--optimizer', 'sgd'],
      '--optimizer is of --mode train',
    ],
    ['a folder that is not there', ['simple-cnn', '--trace', '/no/such/t.json'], '/no/such/t.json cannot be written'],
    ['no steps', ['simple-cnn', '--steps', '0'], 'Give a whole number from 1 to 10000.'],
    ['what is no kind of line', ['simple-cnn', '--by', 'kernels'], 'kernel'],
    ['no model', [], "missing required argument 'model'"],
  ])('refuses %s', async (_, args, text) => {
    const { code, stdout, stderr } = await facegrad(['profile', ...args], { env: { VK_DRIVER_FILES: '/none' } });
    expect(stderr).toContain(text);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
