import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { facegrad, jsonLines, start } from './facegrad.js';

it('kernels show prints launches as JSON, without an adapter', async () => {
  const args = ['kernels', 'show', 'batch_norm_apply', '--portable', '--shape', 'c=8', '--json'];
  const { code, stdout, stderr } = await facegrad(args);
  expect(code, stderr).toBe(0);
  const { launches } = JSON.parse(stdout) as { launches: { entry: string; wgsl: string }[] };
  expect(launches.map(({ entry }) => entry)).toEqual(['batch_norm_apply']);
  expect(launches[0]!.wgsl).toContain('alias V = vec4f;');
});

it('kernels check shows the line of an error and ends with 1', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facegrad-kernels-'));
  try {
    const file = join(folder, 'bad.wgsl');
    await writeFile(file, '@compute @workgroup_size(1)\nfn f() { let x = 1 }\n');
    const { code, stdout } = await facegrad(['kernels', 'check', file]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/bad\.wgsl:2:\d+: error: /);
    expect(stdout).toContain('let x = 1 }');
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('kernels run --watch runs a file again at each save, tells what is wrong with it, and ends with Ctrl-C', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facegrad-kernels-'));
  const steps = new URL('../../docs/shaders/steps/', import.meta.url);
  const good = await readFile(new URL('cross_entropy/1-naive.wgsl', steps), 'utf8');
  const file = join(folder, 'mine.wgsl');
  await writeFile(file, good);
  const args = ['kernels', 'run', file, '--against', 'cross_entropy', '--shape', 'n=9,k=5', '--budget', '0'];
  const running = start([...args, '--watch', '--json']);
  try {
    await running.printed('"differs"');
    // As editors do that write another file and put it in the place of the first.
    await writeFile(join(folder, 'mine.wgsl~'), good.replace('var sum = 0.0;', 'var sum = ;'));
    await rename(join(folder, 'mine.wgsl~'), file);
    await running.printed('error: ');
    await writeFile(join(folder, 'other.wgsl'), 'not looked at');
    await writeFile(file, good.replace('sum / f32', '2 * sum / f32'));
    await running.printed('wrong result');
    await writeFile(file, good);
    await running.printed('"differs"', 2);
    running.process.kill('SIGINT');
    const { code, stdout, stderr } = await running.ended;
    expect(code, stderr).toBe(130);
    const lines = jsonLines(stdout);
    expect(lines.map(line => Object.keys(line).at(-1))).toEqual(['differs', 'error', 'error', 'differs']);
    expect(lines[1]!['error']).toMatch(/mine\.wgsl:22:13: error: [^]*\n {4}var sum = ;\n/);
  } finally {
    running.process.kill('SIGKILL');
    await rm(folder, { recursive: true });
  }
});
