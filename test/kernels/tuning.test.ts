import { beforeEach, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.js';
import { conv2d, linear, matmul, relu, sum, type OpName } from '../../src/kernels/index.js';
import {
  choiceName,
  DEFAULT_CHOICE,
  recordProblems,
  tunables,
  tuneKernels,
  type Choice,
  type Tunable,
  type TuningProblem,
} from '../../src/kernels/tuning/index.js';
import { backward, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { pathNames, paths } from '../devices.js';
import { checkOp } from './check.js';

/** What a tile is compared at; the other values are tried with the default tile alone, as no tile depends on them. */
const REFINED: Readonly<Record<string, number>> = { SUBGROUPS: 1, workgroups: 256, invocations: 16_384 };

type Shapes = Readonly<Record<string, readonly number[]>>;

/** An operation with shapes and parameters, and which share of its choices is tried: part `k` of `n`. */
type Case = readonly [op: OpName, shapes: Shapes, params: Record<string, unknown>, k: number, n: number];

/**
 * Small and odd, so that every tile reaches past the end somewhere; together they meet every tunable. Compiling a choice
 * takes up to a second, so the usual run tries a part of those of convolutions and products;
 * FACEGRAD_TEST_ALL=1 tries all of them in each case.
 */
const cases: Record<string, Case> = {
  'whole vec4s': ['conv2d', { input: [2, 20, 5, 7], weight: [20, 20, 3, 3], bias: [20] }, { padding: 1 }, 0, 9],
  'single channels, stride 2': [
    'conv2d',
    { input: [2, 21, 7, 9], weight: [19, 21, 3, 3], bias: [19] },
    { stride: 2, padding: 1 },
    3,
    9,
  ],
  '1x1': ['conv2d', { input: [3, 20, 5, 7], weight: [36, 20, 1, 1], bias: [36] }, {}, 6, 9],
  'first layer': ['conv2d', { input: [2, 1, 9, 9], weight: [12, 1, 3, 3] }, { padding: 1 }, 1, 9],
  depthwise: [
    'conv2d',
    { input: [2, 8, 9, 11], weight: [8, 1, 3, 3], bias: [8] },
    { groups: 8, padding: 1, stride: 2 },
    0,
    4,
  ],
  product: ['matmul', { a: [37, 20], b: [20, 36] }, {}, 0, 6],
  'product of odd sizes': ['matmul', { a: [35, 19], b: [19, 33] }, {}, 0, 4],
  'linear, many rows': ['linear', { input: [600, 12], weight: [8, 12], bias: [8] }, {}, 3, 6],
  sum: ['sum', { input: [9, 8, 13, 11] }, { axes: [0, 2, 3] }, 0, 1],
  relu: ['relu', { input: [3, 5, 7] }, {}, 0, 1],
};

const zeros = (shapes: Shapes, name: string) => Tensor.zeros(shapes[name]!, { requiresGrad: true });

/** The problems that an operation of `cases` and its gradients solve. */
function problemsOf(device: Device, [op, shapes, params]: Case): TuningProblem[] {
  return recordProblems(device, () => {
    const of = (name: string) => zeros(shapes, name);
    const run = {
      conv2d: () => conv2d(of('input'), of('weight'), shapes['bias'] && of('bias'), params),
      matmul: () => matmul(of('a'), of('b')),
      linear: () => linear(of('input'), of('weight'), of('bias')),
      sum: () => sum(of('input'), params['axes'] as number[]),
      relu: () => relu(of('input')),
    }[op as 'conv2d' | 'matmul' | 'linear' | 'sum' | 'relu'];
    const y = run();
    backward(y, Tensor.zeros(y.shape));
  });
}

/** All tiles, and the default tile with each other value. */
function worthATry(device: Device, { tunable, problem }: TuningProblem): readonly Choice[] {
  const standard = tunable.standard(problem, device);
  return tunable.candidates(problem, device).filter(({ shader, values }) => {
    const changed = Object.entries(values).filter(([name, value]) => name in REFINED && value !== REFINED[name]);
    const tile = Object.entries(values).every(([name, value]) => name in REFINED || standard.values[name] === value);
    return changed.length === 0 || (changed.length === 1 && shader === standard.shader && tile);
  });
}

/** The case's share of what is worth a try, told by the choice's name. */
function share(device: Device, problem: TuningProblem, [, , , k, n]: Case): readonly Choice[] {
  const all = worthATry(device, problem);
  const part = (choice: Choice) =>
    Array.from(choiceName(choice), char => char.charCodeAt(0)).reduce((a, b) => a + b) % n;
  return process.env['FACEGRAD_TEST_ALL'] === '1' ? all : all.filter(choice => part(choice) === k);
}

describe.each(pathNames)('choices of kernels on the %s path', path => {
  let device: Device;
  beforeEach(async () => {
    device = await paths[path]();
    setDefaultDevice(device);
    return () => {
      device.tuning = new Map();
    };
  });

  it('are met by the cases here, each tunable', () => {
    const met = new Set(
      Object.values(cases).flatMap(each => problemsOf(device, each).map(({ tunable }) => tunable.name)),
    );
    expect([...met].sort()).toEqual(tunables.map(({ name }) => name).sort());
  });

  it.each(Object.entries(cases))('give the right result and gradients: %s', async (_, each) => {
    const problems = problemsOf(device, each);
    const lists = problems.map(problem => share(device, problem, each));
    const most = Math.max(...lists.map(({ length }) => length));
    expect(most).toBeGreaterThan(0);
    for (let i = 0; i < most; i++) {
      const choices = lists.map(list => list[i % list.length]);
      const table = problems.map(({ key }, k) => [key, choices[k] ? choiceName(choices[k]) : DEFAULT_CHOICE] as const);
      device.tuning = new Map(table);
      await checkOp(path, each[0], each[1], each[2]);
    }
  });

  it.each(Object.entries(cases))('of one order give the same bits: %s', async (_, each) => {
    const problems = problemsOf(device, each).map(problem => {
      const candidates = share(device, problem, each);
      return { ...problem, tunable: { ...problem.tunable, candidates: () => candidates } };
    });
    const results = await tuneKernels(device, problems, { budget: 120_000, sameBits: true });
    expect(results.filter(({ refused }) => refused.length > 0)).toEqual([]);
    expect(results.length).toBe(problems.length);
  });

  it('come from the table, and names that are no candidates count as none', async () => {
    const each = cases['whole vec4s']!;
    const [problem] = problemsOf(device, each);
    const choice = worthATry(device, problem!).at(-1)!;
    const variants = async (name: string) => {
      device.tuning = new Map([[problem!.key, name]]);
      const x = Tensor.zeros(each[1]['input']!);
      const y = conv2d(x, Tensor.zeros(each[1]['weight']!), undefined, each[2]);
      await y.data();
      const { gpu } = await device.profile(() => {
        conv2d(x, Tensor.zeros(each[1]['weight']!), undefined, each[2]).dispose();
        return Promise.resolve();
      });
      return gpu.map(({ launch }) => launch!.variant).filter(variant => variant.startsWith('conv2d'));
    };
    const [chosen] = await variants(choiceName(choice));
    for (const [name, value] of Object.entries(choice.values)) expect(chosen).toContain(` ${name}=${value}`);
    expect(chosen!.startsWith(`${choice.shader}/`)).toBe(true);
    expect(await variants('conv2d SG=3 PIXELS=5')).toEqual(await variants(DEFAULT_CHOICE));
    expect(await variants(DEFAULT_CHOICE)).not.toEqual([chosen]);
  });

  it('are found for a network without running anything', () => {
    const before = device.counts;
    expect(problemsOf(device, cases['1x1']!).length).toBeGreaterThan(2);
    expect({ ...device.counts, writes: 0, buffers: 0 }).toEqual({ ...before, writes: 0, buffers: 0 });
  });
});

describe('the search', () => {
  /** y = relu(x) by so many launches of relu, or by something else. */
  const candidate = (launches: number, order = 'same'): Choice => ({
    shader: 'pointwise',
    values: { launches },
    order,
  });
  const tunable = (choices: readonly Choice[], wrong: (x: Tensor) => Tensor): Tunable<{ n: number }> => ({
    name: 'test',
    shapeClass: ({ n }) => String(n),
    standard: () => choices[0]!,
    candidates: () => choices,
    work: ({ n }) => n,
    operands: ({ n }) => [[n]],
    result: ({ n }) => [n],
    launch: ({ values }, _, [x], y) => {
      const result = values['launches'] === 0 ? wrong(x!) : relu(x!);
      for (let i = 1; i < values['launches']!; i++) relu(x!).dispose();
      y.device.copy(result.slice, y.slice);
      result.dispose();
    },
  });
  const problem = (choices: readonly Choice[], wrong = (x: Tensor) => x.alias(), n = 20_000): TuningProblem => ({
    key: `test ${n}`,
    tunable: tunable(choices, wrong),
    problem: { n },
  });

  it('takes what is clearly faster', async () => {
    const device = await paths.native();
    setDefaultDevice(device);
    const [result] = await tuneKernels(device, [problem([candidate(12), candidate(1), candidate(11)])], {
      budget: 30_000,
    });
    expect(result).toMatchObject({ key: 'test 20000', choice: 'pointwise launches=1', tried: 2, refused: [] });
    expect(result!.ms).toBeLessThan(result!.standardMs);
  });

  it('refuses results that are wrong or not a number, however fast', async () => {
    const device = await paths.native();
    setDefaultDevice(device);
    const nan = (x: Tensor) => Tensor.from(new Float32Array(x.size).fill(NaN), x.shape);
    for (const wrong of [undefined, nan]) {
      const [result] = await tuneKernels(device, [problem([candidate(12), candidate(0)], wrong)], { budget: 30_000 });
      expect(result).toMatchObject({ choice: DEFAULT_CHOICE, refused: ['pointwise launches=0'], tried: 0 });
    }
  });

  it('tries no other order where the bits must not change', async () => {
    const device = await paths.native();
    setDefaultDevice(device);
    const choices = [candidate(12), candidate(1, 'another')];
    const [result] = await tuneKernels(device, [problem(choices)], { budget: 30_000, sameBits: true });
    expect(result).toMatchObject({ choice: DEFAULT_CHOICE, tried: 0 });
  });

  it('begins with the most work and ends with the budget', async () => {
    const device = await paths.native();
    setDefaultDevice(device);
    const choices = [candidate(2), candidate(1)];
    const seen: string[] = [];
    const problems = [10, 1000, 100].map(n => problem(choices, undefined, n));
    const stop = new AbortController();
    await tuneKernels(device, problems, {
      budget: 60_000,
      signal: stop.signal,
      onBegin: ({ key }) => seen.push(key),
      onResult: () => {
        if (seen.length === 2) stop.abort();
      },
    });
    expect(seen).toEqual(['test 1000', 'test 100']);
    expect(await tuneKernels(device, problems, { budget: 0 })).toEqual([]);
  });
});

describe('kernels for more lanes than there are', () => {
  it('give NaN instead of a wrong result', async () => {
    const device = await paths.native();
    setDefaultDevice(device);
    if (device.subgroupSize < 4) return;
    const lanes = 2 * device.info.subgroupMaxSize!;
    const [a, b, c] = [
      [32, 8],
      [8, 32],
      [32, 32],
    ].map(shape => Tensor.ones(shape)) as [Tensor, Tensor, Tensor];
    device.dispatch({
      shader: 'matmul',
      entry: 'matmul_nn',
      constants: { SG: lanes, ROWS: 16 },
      bindings: { a: a.slice, b: b.slice, c: c.slice },
      params: { m: 32, n: 32, k: 8, depth: 0 },
      grid: [1, 2],
    });
    expect([...(await c.data())].every(Number.isNaN)).toBe(true);
  });
});
