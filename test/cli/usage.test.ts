import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { facegrad } from './facegrad.js';
import { runHere } from './in-process.js';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-cli-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('help', () => {
  it('lists the commands, quickly and without touching the GPU', async () => {
    // Dawn loads a Vulkan driver and says so when told to; help must not get that far.
    const { code, stdout, stderr } = await facegrad(['--help'], { env: { VK_LOADER_DEBUG: 'all' } });
    expect(code).toBe(0);
    for (const command of ['train', 'eval', 'models', 'data', 'doctor'])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect(stderr).toBe('');
  });

  it.each(['train', 'eval', 'models', 'doctor', 'data preview', 'runs', 'runs compare'])(
    'of %s names its options',
    async command => {
      const { code, stdout } = await runHere([...command.split(' '), '--help']);
      expect(code).toBe(0);
      expect(stdout).toContain(`Usage: facegrad ${command}`);
      expect(stdout).toContain('--json');
      expect(Math.max(...stdout.split('\n').map(line => line.length))).toBeLessThanOrEqual(80);
    },
  );

  it('prints the version of package.json', async () => {
    const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
    const { stdout } = await facegrad(['--version']);
    expect(stdout.trim()).toBe((JSON.parse(text) as { version: string }).version);
  });
});

describe('a wrong command line', () => {
  it.each([
    ['nothing', '', 'Usage: facegrad'],
    ['an unknown command', 'trian', "facegrad: unknown command 'trian'\n(Did you mean train?)"],
    ['an unknown option', 'train simple-cnn --epoch 3', "facegrad: unknown option '--epoch'\n(Did you mean --epochs?)"],
    ['an excess argument', 'doctor simple-cnn', 'too many arguments'],
    [
      'no epochs',
      'train m --epochs 0',
      "option '--epochs <n>' argument '0' is invalid. Give a whole number of 1 or more.",
    ],
    ['a word as rate', 'train m --lr abc', "option '--lr <rate>' argument 'abc' is invalid. Give a number above 0."],
    ['half a batch', 'train m --batch-size 1.5', "option '--batch-size <n>' argument '1.5' is invalid"],
    ['an unknown optimiser', 'train m --optimizer adm', 'Did you mean adam? Valid are: adam, adamw, sgd, rmsprop.'],
    ['an unknown scheduler', 'train simple-mlp --data synthetic --scheduler stp', "there is no scheduler 'stp'"],
    ['an unknown backend', 'doctor --backend vulcan', 'Did you mean vulkan?'],
    ['an unknown split', 'eval --split vla', 'Did you mean val?'],
    ['an unknown kind of duplicates', 'eval --duplicates nearly', 'Did you mean near?'],
    ['no data set', 'train simple-cnn', 'train needs --data'],
    ['no model', 'train --data synthetic', 'train needs a model'],
    ['half an epoch between histograms', 'train m --log-histograms 0.5', 'Give a whole number of 1 or more.'],
    [
      'events of images without events',
      'train simple-cnn --data synthetic --log-images --no-tensorboard',
      '--log-histograms and --log-images tell TensorBoard: leave out --no-tensorboard',
    ],
    ['momentum for Adam', 'train simple-cnn --data synthetic --momentum 0.9', '--momentum is of --optimizer sgd'],
    ['no preview data', 'data preview', "required option '--data <path>' not specified"],
    ['nothing to evaluate', 'eval --data synthetic', '--run'],
    ['two things to evaluate', 'eval --run x --model simple-cnn', '--run'],
    ['weights that are not there', 'eval --weights x.safetensors', 'x.safetensors: no such file'],
    ['a model without weights', 'eval --model simple-cnn', '--weights <file>'],
    [
      'an unknown model',
      'train simple-cn --data synthetic',
      "no model is called 'simple-cn': did you mean simple-cnn?",
    ],
    ['an unknown model to evaluate', 'eval --model cnn --weights x --data synthetic', "no model is called 'cnn'"],
    ['a run that is not there', 'train --resume nowhere', 'nowhere: no such run folder'],
    ['a run in two places', 'train --resume a --out b', '--out'],
    ['a data set that is not there', 'train simple-cnn --data none.csv', 'none.csv: no such file'],
  ])('%s: exit code 2, a message without a stack, nothing on standard output', async (_what, line, text) => {
    const { code, stdout, stderr } = await runHere(line.split(' ').filter(Boolean));
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  it('shows a stack where FACEGRAD_DEBUG asks for it', async () => {
    const { stderr, code } = await facegrad(['train', '--resume', 'nowhere'], {
      cwd: folder,
      env: { FACEGRAD_DEBUG: '1' },
    });
    expect(stderr).toMatch(/^\s+at /m);
    expect(code).toBe(2);
  });
});

describe('a bad CSV', () => {
  it('is named with file and line; no run folder is left behind', async () => {
    const file = join(folder, 'bad.csv');
    await writeFile(file, 'emotion,pixels,Usage\n0,1 2 3,Training\n');
    const out = join(folder, 'run');
    const { code, stderr } = await facegrad(['train', 'simple-cnn', '--data', file, '--out', out]);
    expect(code).toBe(2);
    expect(stderr).toContain(`${file}, line 2`);
    await expect(readFile(join(out, 'config.json'))).rejects.toThrow('ENOENT');
  });
});
