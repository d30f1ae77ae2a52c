/**
 * What every command writes where: with --json one value (or lines) on standard output whoever watches, without it plain text
 * where nobody does, and colours never. The commands come from the program itself, so that a new one is missed here.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { allCommands, runHere } from './in-process.js';

const folder = mkdtempSync(join(tmpdir(), 'facegrad-streams-'));
const at = (name: string) => join(folder, name);
const [data, run] = [at('noise.csv'), at('run')];

/** How a command is tried: once with --json before somebody who watches, and once without, in a pipe. */
interface Row {
  /** `#` stands for a number that differs between the two. */
  readonly args: readonly string[];
  /** What --json prints; nothing where the command has no --json. */
  readonly json: 'value' | 'lines' | 'none';
  /** What a command prints that only Ctrl-C ends. */
  readonly until?: RegExp;
}

const noisy = ['--data', data];
const small = ['--batch-size', '16', '--epochs', '1', '--no-autotune'];
/** In the order in which they run: what the first ones write is what later ones read. */
const rows: Record<string, Row> = {
  train: { args: ['simple-mlp', ...noisy, ...small, '--out', `${run}#`], json: 'lines' },
  eval: { args: ['--run', `${run}1`, '--resamples', '100'], json: 'value' },
  predict: { args: [at('face.png'), '--run', `${run}1`], json: 'value' },
  transfer: {
    args: ['--from', `${run}1`, '--to', data, '--epochs', '1', '--limit', '32', '--out', at('transfer#')],
    json: 'lines',
  },
  export: { args: ['--run', `${run}1`, '--out', at('model#.onnx')], json: 'value' },
  'lr-find': {
    args: ['simple-mlp', ...noisy, '--batch-size', '16', '--steps', '5', '--out', at('lr#')],
    json: 'value',
  },
  tune: { args: ['--study', at('study.yaml'), '--out', at('study#')], json: 'lines' },
  'tune best': { args: [at('study1')], json: 'value' },
  'tune list': { args: [at('study1')], json: 'value' },
  'tune report': { args: [at('study1'), '--out', at('report#')], json: 'value' },
  models: { args: ['simple-mlp'], json: 'value' },
  recipes: { args: [], json: 'value' },
  compare: {
    args: ['--recipes', at('recipe.yaml'), ...noisy, '--epochs', '1', '--no-autotune', '--out', at('compare#')],
    json: 'value',
  },
  serve: { args: ['--run', `${run}1`, '--port', '0'], json: 'value', until: /http:/ },
  report: { args: [`${run}1`, '--out', at('page#.html')], json: 'value' },
  runs: { args: ['--root', folder], json: 'value' },
  'runs compare': { args: [`${run}1`, join(folder, 'transfer1', 'run')], json: 'value' },
  'runs show': { args: [`${run}1`], json: 'value' },
  profile: { args: ['simple-mlp', '--batch-size', '8', '--steps', '1'], json: 'value' },
  bench: { args: ['--filter', 'kernel/matmul-64', '--budget', '0.01', '--no-peers'], json: 'value' },
  'tune-kernels': { args: ['--model', 'simple-mlp', '--batch-size', '8', '--budget', '0.1'], json: 'value' },
  kernels: { args: [], json: 'value' },
  'kernels show': { args: ['relu', '--portable'], json: 'value' },
  'kernels run': { args: [at('own.wgsl'), '--against', 'matmul_nn', '--shape', 'n=8', '--budget', '0'], json: 'value' },
  'kernels course': { args: ['cross_entropy', '--budget', '0.01'], json: 'value' },
  'kernels check': { args: [at('own.wgsl')], json: 'value' },
  'data info': { args: [data], json: 'value' },
  'data preview': { args: [...noisy, '--out', at('sheet#.png')], json: 'value' },
  'data explore': { args: [data, '--out', at('explore#')], json: 'value' },
  'data audit': { args: [data], json: 'value' },
  'data convert': { args: [data, '--to', 'csv', '--out', at('copy#.csv')], json: 'value' },
  'data cache': { args: [], json: 'value' },
  convert: { args: [join(`${run}1`, 'best.safetensors'), at('small#.safetensors')], json: 'value' },
  doctor: { args: [], json: 'value' },
  completion: { args: ['bash'], json: 'none' },
};

/** What needs a Redis: test/queue tries it, with --json. */
const elsewhere = ['worker'];

function writeInputs(): void {
  const random = new RandomStream(1, 0);
  const lines = ['emotion,pixels,Usage'];
  for (const [usage, count] of Object.entries({ Training: 64, PublicTest: 32, PrivateTest: 32 })) {
    for (let i = 0; i < count; i++) {
      const pixels = Array.from({ length: 48 * 48 }, () => random.integer(100) + 20 * (i % 7));
      lines.push(`${i % 7},${pixels.join(' ')},${usage}`);
    }
  }
  writeFileSync(data, `${lines.join('\n')}\n`);
  writeFileSync(at('face.png'), PNG.sync.write(new PNG({ width: 48, height: 48, fill: true })));
  const recipe = `model: { name: simple-mlp }\ndata: { path: noise.csv }\ntraining: { epochs: 1, batch-size: 16 }\n`;
  writeFileSync(at('recipe.yaml'), recipe);
  const search = 'search-space: { optimizer.lr: { type: float, low: 1e-4, high: 1e-2 } }\n';
  writeFileSync(at('study.yaml'), `recipe: { ${recipe.trimEnd().replaceAll('\n', ', ')} }\ntrials: 1\n${search}`);
  writeFileSync(
    at('own.wgsl'),
    `struct Params { n: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@group(0) @binding(3) var<uniform> p: Params;
//! dispatch (n, n)
@compute @workgroup_size(1)
fn product(@builtin(workgroup_id) id: vec3u) {
  var sum = 0.0;
  for (var k = 0u; k < p.n; k++) { sum = fma(a[id.y * p.n + k], b[k * p.n + id.x], sum); }
  c[id.y * p.n + id.x] = sum;
}
`,
  );
}

/** Escape sequences that do more than redraw a line: colours above all. */
// eslint-disable-next-line no-control-regex -- that is what they begin with
const COLOUR = /\u001b\[[\d;]*m/;
// eslint-disable-next-line no-control-regex -- likewise
const ANY_ESCAPE = /[\u001b\r\b]/;

const env = { FACEGRAD_CACHE: at('cache'), NO_COLOR: undefined, FORCE_COLOR: undefined };

writeInputs();
afterAll(() => {
  setDefaultDevice(undefined);
  rmSync(folder, { recursive: true, force: true });
});

describe('every command', () => {
  const commands = allCommands();

  it('is tried here', () => {
    expect([...Object.keys(rows), ...elsewhere].sort()).toEqual([...commands.keys()].sort());
    for (const [name, { json }] of Object.entries(rows)) {
      expect([name, commands.get(name)!.options.some(({ long }) => long === '--json')]).toEqual([
        name,
        json !== 'none',
      ]);
    }
  });

  it.each(Object.entries(rows).filter(([, { json }]) => json !== 'none'))(
    '%s --json keeps standard output for JSON before somebody who watches, under NO_COLOR',
    async (name, { args, json, until }) => {
      const own = args.map(arg => arg.replace('#', '1'));
      const { code, stdout, stderr } = await runHere([...name.split(' '), ...own, '--json'], {
        ...{ until, watched: true, env: { ...env, NO_COLOR: '1' } },
      });
      expect(code, stderr).toBe(until ? 130 : 0);
      const values = json === 'value' ? [stdout] : stdout.trimEnd().split('\n');
      for (const value of values) expect(JSON.parse(value), value).toBeInstanceOf(Object);
      expect(stdout).not.toMatch(ANY_ESCAPE);
      expect(stderr).not.toMatch(COLOUR);
    },
  );

  it.each(Object.entries(rows))(
    '%s writes plain text into a pipe, also where colours are asked for',
    async (name, { args, until }) => {
      const own = args.map(arg => arg.replace('#', '2'));
      const { code, stdout, stderr } = await runHere([...name.split(' '), ...own], {
        ...{ until, env: { ...env, FORCE_COLOR: '1' } },
      });
      expect(code, stderr).toBe(until ? 130 : 0);
      expect(stdout).not.toBe('');
      expect(stdout + stderr).not.toMatch(ANY_ESCAPE);
    },
  );

  it('tells a faulty command line on standard error alone and ends with 2, also with --json', async () => {
    for (const [name, { json }] of Object.entries(rows)) {
      const flags = json === 'none' ? ['--no-such-option'] : ['--json', '--no-such-option'];
      const { code, stdout, stderr } = await runHere([...name.split(' '), ...flags], { env, watched: true });
      expect([name, code, stdout]).toEqual([name, 2, '']);
      expect(stderr).toMatch(/^facegrad: (unknown option|required option|missing required argument) '/);
    }
  });
});

describe('weights of PyTorch', () => {
  const pth = fileURLToPath(new URL('../interop/pytorch/fixtures/ferplus-cnn.pth', import.meta.url));
  const names = 'a b c d e f g h i j'.split(' ');
  const folders = at('ten');
  const given = ['--weights', pth, '--model', 'ferplus-cnn'];
  const normalised = ['--mean', '0.5', '--std', '0.25'];
  const rowsOfWeights: Record<string, [args: readonly string[], told: RegExp, until?: RegExp]> = {
    eval: [
      [...given, ...normalised, '--data', folders, '--channels', '1', '--split', 'train', '--resamples', '100'],
      /accuracy/,
    ],
    predict: [[at('face.png'), ...given, ...normalised, '--classes', names.join()], /face\.png: [a-j] \d/],
    export: [[...given, '--out', at('torch.onnx')], /ferplus-cnn, 169,270 parameters/],
    serve: [[...given, ...normalised, '--classes', names.join(), '--port', '0'], /169,270/, /http:/],
    convert: [[pth, at('torch.safetensors')], /20 tensors, 169316 values/],
    train: [
      ['ferplus-cnn', '--init', pth, '--data', folders, '--channels', '1', ...small, '--out', at('from-torch')],
      /20 of the model's 20 entries taken/,
    ],
  };

  it.each(Object.entries(rowsOfWeights))('go into %s', async (command, [args, told, until]) => {
    for (const [i, name] of names.entries()) {
      mkdirSync(join(folders, name), { recursive: true });
      for (let image = 0; image < 6; image++) {
        const png = new PNG({ width: 48, height: 48 });
        png.data.fill(20 * i + image);
        writeFileSync(join(folders, name, `${image}.png`), PNG.sync.write(png));
      }
    }
    const { code, stdout, stderr } = await runHere([command, ...args], { env, until });
    expect(code, stderr).toBe(until ? 130 : 0);
    expect(stdout + stderr).toMatch(told);
  });
});

describe('the commands of the shader course', () => {
  const course = fileURLToPath(new URL('../../docs/shaders/', import.meta.url));
  const texts = readdirSync(course)
    .filter(name => name.endsWith('.md'))
    .map(name => readFileSync(join(course, name), 'utf8'));
  const commands = texts.flatMap(text =>
    [...text.matchAll(/^facegrad (.*?)(?: +#.*)?$|`facegrad (kernels [^`]+ [^`]+)`/gm)].map(
      ([, line, quoted]) => line ?? quoted!,
    ),
  );

  it('are found', () => {
    expect(commands).toEqual(
      expect.arrayContaining(['kernels check mine.wgsl', 'kernels show conv2d_forward --lanes 32']),
    );
  });

  // One that races everything is tried above with the steps of one chapter.
  it.each(commands.filter(command => command !== 'kernels course'))('%s', async command => {
    // What is only checked takes no time; --watch, which never ends, has a test of its own.
    const args = command.split(' ').filter(word => word !== '--watch');
    const budget = args[1] === 'run' ? ['--budget', '0'] : [];
    const { code, stdout, stderr } = await runHere(
      [...args.map(word => (word === 'mine.wgsl' ? at('own.wgsl') : word)), ...budget],
      { env },
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(args[1] === 'check' ? /all compile/ : args[1] === 'show' ? /@compute/ : /adapter: /);
  });

  it.each([
    ['conv2d_backward_input/1-naive.wgsl', 'conv2d_backward_input', 'stride=2'],
    ['cross_entropy/1-naive.wgsl', 'cross_entropy', 'n=4096,k=1000'],
  ])('race %s against %s with --shape %s, as an exercise asks', async (file, kernel, shape) => {
    expect(texts.some(text => text.includes(`--shape ${shape}`))).toBe(true);
    const args = [
      'kernels',
      'run',
      join(course, 'steps', file),
      '--against',
      kernel,
      '--shape',
      shape,
      '--budget',
      '0',
    ];
    const { code, stdout, stderr } = await runHere(args, { env });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('correct; largest difference');
  });
});
