import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { facegrad } from './facegrad.js';

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
