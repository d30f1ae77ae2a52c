import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { resolveSpec } from '../../src/data/augment/spec.js';
import { RandomStream } from '../../src/util/random.js';
import { facegrad } from './facegrad.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-augment-'));
  const random = new RandomStream(1, 0);
  const lines = ['emotion,pixels,Usage'];
  for (const [usage, count] of Object.entries({ Training: 21, PublicTest: 7, PrivateTest: 7 })) {
    for (let i = 0; i < count; i++) {
      lines.push(`${i % 7},${Array.from({ length: 48 * 48 }, () => random.integer(256)).join(' ')},${usage}`);
    }
  }
  await writeFile(join(folder, 'noise.csv'), `${lines.join('\n')}\n`);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const run = (...args: string[]) => facegrad(args, { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });
const training = ['train', 'simple-mlp', '--data', 'noise.csv', '--epochs', '1', '--batch-size', '8', '--no-autotune'];

describe('--augment', () => {
  it('trains by a file, keeps the spec with the run, and evaluates with its crops', async () => {
    await writeFile(join(folder, 'mine.yaml'), 'augment:\n  - horizontal-flip\n  - five-crop: {size: 40}\n');
    const trained = await run(...training, '--augment', 'mine.yaml', '--out', 'run');
    expect(trained.code, trained.stderr).toBe(0);
    const config = JSON.parse(await readFile(join(folder, 'run', 'config.json'), 'utf8')) as {
      options: { augment: unknown };
    };
    const spec = resolveSpec(['horizontal-flip', { 'five-crop': { size: 40 } }]);
    expect(config.options.augment).toEqual(spec);
    const lossOf = async (...args: string[]) => {
      const { code, stdout, stderr } = await run('eval', '--json', '--data', 'noise.csv', ...args);
      expect(code, stderr).toBe(0);
      return (JSON.parse(stdout) as { loss: number }).loss;
    };
    const weights = ['--model', 'simple-mlp', '--weights', join('run', 'best.safetensors'), '--split', 'test'];
    const loss = await lossOf('--run', 'run', '--split', 'test');
    expect(await lossOf(...weights, '--augment', JSON.stringify(spec))).toBe(loss);
    expect(await lossOf(...weights)).not.toBe(loss);
  });

  it('is refused before anything is written, with entry, field and nearest name', async () => {
    const before = await readdir(folder);
    const { code, stderr } = await run(...training, '--augment', '[{affine: {degres: 10}}]', '--out', 'bad');
    expect(code).toBe(2);
    expect(stderr).toContain('entry 1 (affine): there is no option degres; did you mean degrees?');
    const missing = await run(...training, '--augment', 'system-g', '--out', 'bad');
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain('did you mean system-');
    expect(await readdir(folder)).toEqual(before);
  });

  it('previews an image and its variants on each row', async () => {
    const { code, stderr } = await run(
      ...['data', 'preview', '--data', 'noise.csv', '--augment', 'system-b', '--count', '1', '--columns', '4'],
    );
    expect(code, stderr).toBe(0);
    const sheet = PNG.sync.read(await readFile(join(folder, 'preview.png')));
    expect([sheet.width, sheet.height]).toEqual([2 + 4 * 50, 2 + 7 * 50]);
  });
});
