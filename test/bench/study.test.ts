import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareFile } from '../../src/bench/study/compare.js';
import { evaluate } from '../../src/bench/study/formula.js';
import { sizesOf, targets } from '../../src/bench/study/targets.js';
import { validateShaders } from '../../src/bench/study/validate.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { paths } from '../devices.js';

const course = new URL('../../docs/shaders/', import.meta.url);
const steps = readdirSync(new URL('steps/', course)).flatMap(kernel =>
  readdirSync(new URL(`steps/${kernel}/`, course)).map(file => [kernel, file] as const),
);
const shapes: Record<string, string> = {
  matmul_nn: 'n=36',
  batch_norm_forward: 'n=2,c=8,size=6',
  cross_entropy: 'n=9,k=5',
};
const workOf = (kernel: string) => {
  const target = targets.find(({ name }) => name === kernel)!;
  return target.work(sizesOf(target, shapes[kernel] ?? 'n=2,c=8,o=8,size=8'));
};

let folder: string;
beforeAll(async () => {
  await paths.native();
  folder = await mkdtemp(join(tmpdir(), 'facegrad-study-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function compare(kernel: string, file: string) {
  const before = await paths.native();
  try {
    return await compareFile({ file, work: workOf(kernel), seconds: 0 });
  } finally {
    setDefaultDevice(before);
  }
}

describe('the shader course', () => {
  it.each(steps)('%s/%s computes what our kernel does', async (kernel, file) => {
    const { launched } = await compare(kernel, new URL(`steps/${kernel}/${file}`, course).pathname);
    expect(launched).toBe('by its own dispatch');
  });

  it.each(readdirSync(course).filter(file => file.endsWith('.md')))('%s quotes the lines that it links to', file => {
    const text = readFileSync(new URL(file, course), 'utf8');
    const links = [...text.matchAll(/\[`([^`]+)`\]\(([^)#]+)#L(\d+)\)/g)];
    expect(links.length > 0).toBe(file !== 'README.md');
    for (const [, quote, path, line] of links) {
      expect(readFileSync(new URL(path!, course), 'utf8').split('\n')[Number(line) - 1]).toContain(quote);
    }
    for (const [, path] of text.matchAll(/\]\(([^)#:]+\.wgsl)\)/g)) {
      expect(() => readFileSync(new URL(path!, course))).not.toThrow();
    }
  });
});

describe('compareFile', () => {
  const naive = () => readFileSync(new URL('steps/matmul_nn/1-naive.wgsl', course), 'utf8');
  const compareText = async (text: string) => {
    const file = join(folder, 'own.wgsl');
    await writeFile(file, text);
    return compare('matmul_nn', file);
  };

  it('takes a changed copy of one of our files', async () => {
    const copy = readFileSync(new URL('../../shaders/matmul.wgsl', import.meta.url), 'utf8');
    if ((await paths.native()).subgroupSize === 0) return;
    const { launched } = await compareText(copy.replace('LANE_ROWS = 4u', 'LANE_ROWS = 2u'));
    expect(launched).toBe('in place of matmul.wgsl');
  });

  it.each([
    ['sum = fma(', 'sum = 2 fma(', /own\.wgsl:\d+:\d+: error: /],
    ['var sum = 0.0', 'var sum = 0.1', /wrong result: c\[0\] is/],
    ['ceil(n / 8)', 'ceil(q / 8)', /own\.wgsl:11: 'ceil\(q \/ 8\)': 'q' is unknown/],
    ['//! dispatch', '//! launch', /own\.wgsl:11: write/],
  ])('refuses %s as %s', async (from, to, message) => {
    await expect(compareText(naive().replace(from, to))).rejects.toThrow(message);
  });
});

it('every shader compiles by itself, without an adapter', async () => {
  const results = await validateShaders([]);
  expect(results.flatMap(({ lines }) => lines)).toEqual([]);
  expect(results.length).toBeGreaterThan(30);
});

it('formulas divide exactly and know their names', () => {
  expect(evaluate('ceil(n / 8) * (2 + max(1, n))', new Map([['n', 9]]))).toBe(22);
  expect(() => evaluate('1 +', new Map())).toThrow('ends too early');
});
