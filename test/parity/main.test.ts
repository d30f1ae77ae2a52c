import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { goldenCopy, readGoldens } from './golden.js';

let folder: string;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'parity-')), 'golden');
  cpSync(goldenCopy, folder, { recursive: true });
});

afterEach(() => {
  rmSync(join(folder, '..'), { recursive: true });
});

function parity(...args: string[]): { status: number | null; lines: string[]; stderr: string } {
  return parityUnder({}, ...args);
}

function parityUnder(env: NodeJS.ProcessEnv, ...args: string[]) {
  const main = fileURLToPath(new URL('main.ts', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main, ...args], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  });
  return { status, lines: stdout.trimEnd().split('\n'), stderr };
}

describe('npm run parity', () => {
  it('ends with the counts, and exits with 0 where nothing failed', () => {
    const { status, lines } = parity(folder);
    expect(lines.at(-1)).toMatch(/^parity: [1-9]\d* passed, 0 failed, \d+ not implemented$/);
    expect(lines.filter(line => line.startsWith('FAIL'))).toEqual([]);
    expect(status).toBe(0);
  });

  // Kernels that shuffle are written for any power of two of lanes; software Vulkan lets us choose. GPUs ignore this.
  it.each([
    ['four lanes', '128'],
    ['sixteen lanes', '512'],
  ])('passes with subgroups of %s', (_, LP_NATIVE_VECTOR_WIDTH) => {
    const { status, lines } = parityUnder({ LP_NATIVE_VECTOR_WIDTH }, folder);
    expect(lines.filter(line => line.startsWith('FAIL'))).toEqual([]);
    expect(status).toBe(0);
  });

  it('prints a line for each failure, and exits with 1', () => {
    const { training } = readGoldens(folder);
    training.cases.optimizers[0]!.steps[0]![2] = 9;
    (training.cases.metrics[0]!.confusion as number[][])[1]![1]! += 1;
    writeFileSync(join(folder, 'training.json'), JSON.stringify(training));
    const { status, lines } = parity(folder);
    const failures = lines.filter(line => line.startsWith('FAIL'));
    expect(failures.length).toBe(2);
    expect(failures[0]).toMatch(
      /^FAIL training\.json sgd: step 1: largest error \S+ at \[2\]: got \S+, expected 9, allowed/,
    );
    expect(failures[1]).toMatch(/^FAIL training\.json metrics #0: confusion\.1\.1: largest error 1\.00 at \[0\]/);
    expect(lines.at(-1)).toMatch(/^parity: \d+ passed, 2 failed, \d+ not implemented$/);
    expect(status).toBe(1);
  });

  it.each([
    [
      'a folder that is not there',
      () => {
        rmSync(folder, { recursive: true });
      },
      'no such folder',
    ],
    [
      'a file that is not there',
      () => {
        rmSync(join(folder, 'models.json'));
      },
      'models.json: no such file',
    ],
    [
      'a file that is no JSON',
      () => {
        writeFileSync(join(folder, 'ops.json'), '{"seed": 0,');
      },
      'ops.json: not JSON',
    ],
    [
      'a file of another form',
      () => {
        writeFileSync(join(folder, 'ops.json'), '[]');
      },
      'ops.json: not a golden file',
    ],
    [
      'an empty object',
      () => {
        writeFileSync(join(folder, 'training.json'), 'null');
      },
      'training.json: not a golden file',
    ],
  ])('exits with 2 for %s', (_, damage, message) => {
    damage();
    const { status, lines, stderr } = parity(folder);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain('    at ');
    expect(lines).toEqual(['']);
    expect(status).toBe(2);
  });

  it('exits with 2 for an unknown option', () => {
    expect(parity(folder, '--tolerance', '1').status).toBe(2);
  });
});
