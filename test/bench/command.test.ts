import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { facegrad } from '../cli/facegrad.js';

const bench = (...args: string[]) => facegrad(['bench', ...args]);
const small = ['--filter', 'kernel/matmul-64', '--budget', '0.05'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-bench-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const number: unknown = expect.any(Number);
const result = {
  name: 'kernel/matmul-64',
  adapter: expect.any(String) as unknown,
  contestants: {
    facegrad: { medianMs: number, spread: number, samples: number, rate: number, unit: 'GFLOP/s' },
  },
  ratio: null,
};

describe('facegrad bench', () => {
  it('prints a Markdown table, and writes an array of results', async () => {
    const file = join(folder, 'results.json');
    const { code, stdout } = await bench(...small, '--no-peers', '--json', file);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^adapter: .+$/m);
    expect(stdout).toMatch(/^\| case +\| contestant +\| +median ms \| +spread \| +samples \| +rate \| +speedup \|$/m);
    expect(stdout).toMatch(
      /^\| kernel\/matmul-64 +\| facegrad +\| +[\d.,]+ \| +\d+ % \| +\d+ \| +[\d.,]+ GFLOP\/s \| +\|$/m,
    );
    const [only, ...rest] = JSON.parse(await readFile(file, 'utf8')) as (typeof result)[];
    expect(rest).toEqual([]);
    expect(only).toEqual(result);
    const { medianMs, rate } = only!.contestants.facegrad as { medianMs: number; rate: number };
    expect(rate).toBeCloseTo((2 * 64 ** 3) / 1e6 / medianMs, 6);
  });

  it('keeps standard output for JSON where it is asked for', async () => {
    const { code, stdout, stderr } = await bench(...small, '--no-peers', '--no-subgroups', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual([result]);
    expect(stderr).toMatch(/^adapter: .+, without subgroups$/m);
  });

  it('lists cases, and says why some are left out', async () => {
    const { code, stdout } = await bench('--list', '--filter', 'matmul');
    expect(code).toBe(0);
    expect(stdout.split('\n')).toContain('kernel/matmul-768');
    expect(stdout).toMatch(/^kernel\/matmul-4096 \(too large for a processor\)$/m);
  });

  it.each([
    [
      'a filter that finds nothing',
      ['--filter', 'mini-resent'],
      /no case has 'mini-resent' in its name; nearest are \w+\/mini-resnet/,
    ],
    ['a peer that is not one', ['--peers', 'tfjs-webgl'], /no peer is called 'tfjs-webgl': did you mean tfjs-webgpu\?/],
    ['no budget', ['--budget', '0'], /Give a number above 0/],
    ['an adapter that is not there', [...small, '--adapter', 'voodoo'], /no WebGPU adapter/],
  ])('refuses %s', async (_, args, message) => {
    const { code, stderr } = await bench(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it('goes on without peers that are not installed, and fails where a kernel computes something else', async () => {
    // An installed package, as far as this matters, with a mistake in a shader.
    const root = fileURLToPath(new URL('../../', import.meta.url));
    for (const part of ['dist', 'shaders', 'package.json']) {
      await cp(join(root, part), join(folder, part), { recursive: true });
    }
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    const shader = join(folder, 'shaders/binary.wgsl');
    const text = await readFile(shader, 'utf8');
    const mistaken = text.replace('c[i] = a[i] + b[i];', 'c[i] = a[i] - b[i];');
    expect(mistaken).not.toBe(text);
    await writeFile(shader, mistaken);

    const args = ['dist/cli/main.js', 'bench', '--filter', 'op-overhead', '--budget', '0.05', '--json'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (part: string) => (stdout += part));
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
    const code = await new Promise(resolve => child.on('close', resolve));
    expect(stderr).toMatch(/^not installed: tfjs-webgpu, .* \(in a clone `npm run bench:peers` installs them\)$/m);
    expect(stderr).toMatch(/^kernel\/op-overhead: facegrad computes something else: y\[\d+\] is -\S+, expected \d/m);
    expect(JSON.parse(stdout)).toMatchObject([{ name: 'kernel/op-overhead', contestants: {}, ratio: null }]);
    expect(code).toBe(1);
  });
});
