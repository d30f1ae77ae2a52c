import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newOptions } from '../../../src/train/new-options.js';
import { augmentersFor } from '../../../src/data/augment/augmenter.js';
import type { Device } from '../../../src/gpu/device.js';
import { openDevice } from '../../../src/gpu/node.js';
import { init } from '../../../src/nn/index.js';
import { noGrad, scope, setDefaultDevice, Tensor } from '../../../src/tensor/index.js';
import { createModel } from '../../../src/train/model.js';
import { createOptimizer } from '../../../src/train/optimisation.js';
import { places } from '../../../src/train/recipes/layout.js';
import { parseRecipe, readRecipe, recipeNames, recipeText } from '../../../src/train/recipes/index.js';
import { createSchedule } from '../../../src/train/schedulers/index.js';
import { checkStages } from '../../../src/train/stages.js';
import type { TrainOptions } from '../../../src/train/types.js';

const names = await recipeNames();

describe('the recipes of the package', () => {
  // Only shapes matter: Dawn's null backend computes nothing. It has little memory, so each network gets a device.
  let device: Device;
  beforeEach(async () => {
    device = await openDevice({ backend: 'null' });
    setDefaultDevice(device);
  });
  afterEach(() => {
    device.destroy();
  });

  it('are those of the five systems and three more', () => {
    const count = (system: string) => names.filter(name => name.startsWith(`system-${system}/`)).length;
    expect(['a', 'b', 'c', 'd', 'e'].map(count)).toEqual([7, 2, 3, 9, 1]);
    expect(names.slice(22)).toEqual(['resnet18-fer', 'vgg-fer', 'vgg13-ferplus']);
  });

  it.each(names)('%s makes a network, an optimiser and a schedule that go together', async name => {
    const { about, options: given } = await readRecipe(name);
    expect(about?.title).toBeTruthy();
    const options = newOptions({ ...given, data: 'faces' });
    const image = { name: 'faces', channels: 1, height: 48, width: 48 };
    const classes = options.classesKeep?.length ?? (options.labelRule === 'argmax10' ? 10 : 7);
    const { output } = augmentersFor(options.augment, image, { mean: [0.5], std: [0.25] });
    const model = init.withoutValues(() => createModel(options, { ...image, ...output }, classes, false));
    checkStages(model, options, 10);
    const optimizer = createOptimizer(model, options);
    const schedule = createSchedule(optimizer.groups, options, { ...options, stepsPerEpoch: 10 });
    expect(schedule === undefined).toBe(options.scheduler === undefined && options.warmup === undefined);
    scope(() => {
      noGrad(() => {
        expect(model.forward(Tensor.zeros([2, 1, output.height, output.width])).shape).toEqual([2, classes]);
      });
    });
    optimizer.dispose();
    model.dispose();
  });

  it('hold still what system C froze', async () => {
    const { options } = await readRecipe('system-c/resnet18-gray-frozen');
    const all = newOptions({ ...options, data: 'faces' });
    const image = { name: 'faces', channels: 1, height: 48, width: 48 };
    const model = init.withoutValues(() => createModel(all, image, 10, false));
    const optimizer = createOptimizer(model, all);
    const moving = new Set(optimizer.groups.filter(({ lr }) => lr > 0).flatMap(group => group.parameters));
    const moved = [...model.namedParameters()].filter(([, parameter]) => moving.has(parameter)).map(([name]) => name);
    expect(moved).toEqual(['conv1.weight', 'fc.weight', 'fc.bias']);
    optimizer.dispose();
    model.dispose();
  });
});

describe('a recipe', () => {
  const text = `about: { title: mine, data: faces }
model:
  name: ferplus-cnn
  activation: sigmoid
data:
  path: faces.csv
  augment: system-a
training:
  epochs: 7
  early-stop: 5
optimizer:
  name: sgd
  lr: 1e-2
  groups: ['fc*:lr=0.1']
schedule:
  warmup: 2
`;

  it('becomes options of a run, its paths being relative to it', () => {
    const { about, options } = parseRecipe(text, 'some/where/mine.yaml');
    expect(about).toEqual({ title: 'mine', data: 'faces' });
    const { augment, ...rest } = options;
    expect(augment?.map(entry => Object.keys(entry)[0])).toEqual(['horizontal-flip', 'affine']);
    expect(rest).toEqual({
      ...{ model: 'ferplus-cnn', activation: 'sigmoid', data: resolve('some/where/faces.csv'), epochs: 7 },
      ...{ earlyStop: '5', optimizer: 'sgd', lr: 0.01, groups: ['fc*:lr=0.1'], warmup: '2' },
    });
  });

  it('has a place of its own for every option', () => {
    const all = Object.values(places);
    expect(new Set(all).size).toBe(all.length);
  });

  it('takes other values, and loses fields', () => {
    const overrides = ['optimizer.lr=3e-4', 'schedule.warmup=null', 'data.path=other.csv', 'loss.class-weights=1,2,3'];
    const { options } = parseRecipe(text, 'some/where/mine.yaml', [...overrides, 'optimizer.lr=5e-4']);
    expect(options).toMatchObject({ lr: 5e-4, data: resolve('other.csv'), classWeights: '1,2,3' });
    expect(options).not.toHaveProperty('warmup');
    const told = ['tensorboard.histograms=5', 'tensorboard.images=auto'];
    expect(parseRecipe(text, 'mine.yaml', told).options).toMatchObject({ logHistograms: 5, logImages: 'auto' });
    const augment = ['data.augment=[{affine: {degrees: 5}}]', 'data.split=[60, 20, 20]'];
    expect(parseRecipe(text, 'mine.yaml', augment).options).toMatchObject({
      augment: [{ affine: { degrees: [-5, 5] } }],
      split: [60, 20, 20],
    });
  });

  it.each([
    [
      'optimizer.weight-decy=1',
      'no field optimizer.weight-decy; did you mean optimizer.weight-decay? Valid are: optimizer.name',
    ],
    ['batch-size=1', 'no field batch-size; did you mean training.batch-size?'],
    ['training.lr=1', 'no field training.lr; did you mean training.'],
    ['optimiser.lr=1', 'no field optimiser.lr; did you mean optimizer.lr?'],
    ['optimizer.lr', 'write a field and its value'],
    ['optimizer.lr=', 'give a value, or null'],
    ['optimizer.lr=[1', 'the value is not YAML'],
    ['optimizer.lr=fast', '--set optimizer.lr=fast: optimizer.lr: Invalid input: expected number'],
    ['optimizer.lr=0', '--set optimizer.lr=0: optimizer.lr: Too small'],
    ['training.epochs=1.5', '--set training.epochs=1.5: training.epochs:'],
    ['optimizer.name=adm', '"adm": did you mean adam? Valid are: adam, adamw, sgd, rmsprop'],
    ['model.name=null', '--set model.name=null: model.name: it is missing'],
    ['data.augment=sytem-b', "no preset is called 'sytem-b': did you mean system-b?"],
    ['tensorboard.images=0.5', 'tensorboard.images: give a number of epochs, or auto'],
    ['schedule.scheduler=stp', "there is no scheduler 'stp'"],
  ])('refuses --set %s', (override, message) => {
    expect(() => parseRecipe(text, 'mine.yaml', [override])).toThrow(message);
  });

  it.each([
    [
      'model:\n  name: simple-cn\n',
      "r.yaml, line 2: model.name: no model is called 'simple-cn': did you mean simple-cnn?",
    ],
    [
      'model:\n  name: simple-cnn\n\noptimiser:\n  lr: 1\n',
      'r.yaml, line 4: optimiser: there is no such field; did you mean optimizer?',
    ],
    [
      'model:\n  name: simple-cnn\noptimizer:\n  name: sgd\n  nestrov: true\n',
      'r.yaml, line 5: optimizer.nestrov: there is no such field; did you mean nesterov?',
    ],
    ['model:\n  name: simple-cnn\ntraining:\n  epochs: many\n', 'r.yaml, line 4: training.epochs: Invalid input'],
    ['training:\n  epochs: 3\n', 'r.yaml, line 1: model: it is missing'],
    ['model:\n  name: simple-cnn\nloss:\n', 'r.yaml, line 3: loss: Invalid input: expected object'],
    [
      "model:\n  name: simple-cnn\noptimizer:\n  groups:\n    - 'fc:lr=1'\n    - 'fc'\n",
      'r.yaml, line 6: optimizer.groups.1: --groups fc: write a pattern',
    ],
    [
      'model:\n  name: simple-cnn\ndata:\n  augment:\n    - flip\n',
      'r.yaml, line 4: data.augment: augment:\n  entry 1: there is no transform flip',
    ],
    [
      'model:\n  name: simple-cnn\nschedule:\n  stages:\n    - epochs: 1\n    - epochs: 2\n      frieze: [x]\n',
      'r.yaml, line 7: schedule.stages.1.frieze: there is no such field; did you mean freeze?',
    ],
    [
      'model:\n  name: simple-cnn\nschedule:\n  stages:\n    - lr: 1\n',
      'r.yaml, line 5: schedule.stages.0.epochs: it is missing',
    ],
    [
      'model:\n  name: simple-cnn\nschedule:\n  stages:\n    - epochs: 1\n      scheduler: stp\n',
      "r.yaml, line 6: schedule.stages.0.scheduler: --scheduler stp: there is no scheduler 'stp'",
    ],
    ['model:\n  name: simple-cnn\ntraining:\n  seed: 4294967296\n', 'r.yaml, line 4: training.seed: Too big'],
    ['model:\n  name: a\n  name: b\n', 'r.yaml, line 3: this is not YAML: Map keys must be unique'],
    ['model: [\n', 'this is not YAML'],
    ['', 'r.yaml, line 1: Invalid input: expected object'],
    ['- model\n', 'r.yaml, line 1: Invalid input: expected object'],
  ])('says where it is wrong (%#)', (wrong, message) => {
    expect(() => parseRecipe(wrong, 'r.yaml')).toThrow(message);
  });

  it('names everything that is wrong at once', () => {
    const wrong = 'model:\n  name: simple-cnn\ntraining:\n  epochs: 0\n  batch-size: x\n';
    expect(() => parseRecipe(wrong, 'r.yaml')).toThrow(/line 4: training\.epochs.*\n.*line 5: training\.batch-size/);
  });

  describe('in a file', () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'facegrad-recipes-'));
    });
    afterAll(async () => {
      await rm(folder, { recursive: true, force: true });
    });

    it('is found by its path, those of the package by name', async () => {
      const file = join(folder, 'mine.yaml');
      await writeFile(file, text);
      expect((await readRecipe(file)).options).toMatchObject({ epochs: 7, data: join(folder, 'faces.csv') });
      await expect(readRecipe(join(folder, 'none.yaml'))).rejects.toThrow('none.yaml cannot be read');
      await expect(readRecipe('system-a/mini-resnt')).rejects.toThrow('did you mean system-a/mini-resnet?');
      await expect(readRecipe('../package')).rejects.toThrow("no recipe is called '../package'");
    });
  });
});

describe('recipeText', () => {
  const given: Partial<TrainOptions>[] = [
    {},
    { optimizer: 'sgd', nesterov: true, scheduler: 'cosine', warmup: '3', earlyStop: 'patience=2,metric=accuracy' },
    {
      stages: [
        { epochs: 2, freeze: ['net'], unfreeze: ['net.3'], warmup: '1' },
        { epochs: 1, lr: 1e-5, scheduler: 'cosine' },
      ],
    },
    { stages: [{ epochs: 2, lr: 0.1 }] },
    { optimizer: 'rmsprop', centered: true, groups: ['*bias:weight_decay=0'], split: [8, 1, 1], equalize: true },
  ];

  it.each(given)('is a recipe of the same options (%#)', options => {
    const all = newOptions({ model: 'simple-mlp', data: resolve('faces.csv'), seed: 3, ...options });
    const text = recipeText(all, { about: { title: 'mine: 1', data: 'faces' }, comment: 'one\ntwo' });
    expect(text).toMatch(/^# one\n# two\nabout:\n/);
    const read = parseRecipe(text, 'elsewhere/recipe.yaml');
    expect(read.about).toEqual({ title: 'mine: 1', data: 'faces' });
    expect(newOptions(read.options)).toEqual(all);
  });

  it.each(names)('of %s, too', async name => {
    const { options, about } = await readRecipe(name);
    const all = newOptions({ ...options, data: '/faces' });
    const read = parseRecipe(recipeText(all, { about, comment: name }), 'recipe.yaml');
    expect(newOptions(read.options)).toEqual(all);
    expect(read.about).toEqual(about);
  });
});

describe('what sources report', () => {
  it.each(names)('of %s is in figures what its text says', async name => {
    const { about } = await readRecipe(name);
    const text = about?.reproduces ?? '';
    const inText = [...text.matchAll(/(\d+(?:\.\d+)?) %|F1 (\d\.\d+)/g)].map(([, percent, f1]) =>
      percent === undefined ? Number(f1) : Number(percent) / 100,
    );
    const figures = Object.values(about?.reported ?? {});
    for (const figure of figures) {
      expect(
        inText.some(one => Math.abs(one - figure) < 1e-9),
        `${figure} in "${text}"`,
      ).toBe(true);
    }
    // An aim is no report, and a source may give more than one figure of a kind.
    if (inText.length > 0 && !text.includes('aim')) expect(figures).not.toEqual([]);
  });
});
