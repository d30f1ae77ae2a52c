import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { joinDataSets } from '../../src/data/joint.js';
import type { HostTensor } from '../../src/interop/safetensors.js';
import { init, modelRegistry, type Module } from '../../src/nn/index.js';
import { manualSeed, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { loadWeights, saveWeights } from '../../src/train/checkpoint.js';
import { initLines } from '../../src/train/init-report.js';
import { initialise, readInit, type InitSource } from '../../src/train/init-weights.js';
import { newOptions } from '../../src/train/new-options.js';
import { parseRecipe, recipeText } from '../../src/train/recipes/index.js';
import { RunFolder } from '../../src/train/run.js';
import { paths } from '../devices.js';
import { abortAtBatch, bandData, Recorder, runIn, stateOf } from './small-run.js';

let folder: string;
beforeAll(async () => {
  setDefaultDevice(await paths.native());
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-init-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const three = ['top', 'middle', 'bottom'];

function network(name: string, seed: number, options: { classes?: number; channels?: number } = {}): Module {
  manualSeed(seed);
  const { size } = modelRegistry[name]!;
  return modelRegistry[name]!.create({ classes: 3, channels: 1, size, ...options });
}

async function sourceOf(model: Module, classes?: readonly string[]): Promise<InitSource> {
  return { file: 'a.safetensors', fingerprint: 'f', state: await model.stateDict(), classes };
}

describe('initialise', () => {
  it('takes what fits: weights, running statistics and counts of batches', async () => {
    const old = network('mini-resnet', 1);
    old.train();
    old.forward(Tensor.ones([2, 1, 48, 48]));
    const source = await sourceOf(old, three);
    expect([...source.state].some(([name, { data }]) => name.endsWith('num_batches_tracked') && data[0] === 1n)).toBe(
      true,
    );
    const model = network('mini-resnet', 2);
    const { report, origin } = await initialise(model, source, three);
    expect(report).toMatchObject({ matched: source.state.size, adapted: {}, fresh: {}, left: [] });
    expect(await model.stateDict()).toEqual(source.state);
    expect([...origin.keys()]).toEqual([...model.namedParameters().keys()]);
    old.dispose();
    model.dispose();
  });

  it('sums a stem of three channels to one, which then sees a grey image as the other its three copies', async () => {
    const old = network('simple-cnn', 1, { channels: 3 }).eval();
    const model = network('simple-cnn', 2).eval();
    const { report } = await initialise(model, await sourceOf(old), three);
    const [[name, how]] = Object.entries(report.adapted) as [[string, string]];
    expect(how).toBe('its three input channels summed to one');
    expect(model.namedParameters().get(name)!.shape[1]).toBe(1);
    await sameAnswers(old, model);
  });

  it('spreads a stem of one channel over three', async () => {
    const old = network('simple-cnn', 1).eval();
    const model = network('simple-cnn', 2, { channels: 3 }).eval();
    const { report } = await initialise(model, await sourceOf(old), three);
    expect(Object.values(report.adapted)).toEqual(['its input channel spread over three, a third each']);
    await sameAnswers(model, old);
  });

  /** `colour` on a grey image three times, `grey` on the image itself. */
  async function sameAnswers(colour: Module, grey: Module): Promise<void> {
    const pixels = Array.from({ length: 48 * 48 }, (_, i) => Math.sin(i));
    const one = await grey.forward(Tensor.from(pixels, [1, 1, 48, 48])).data();
    const other = await colour.forward(Tensor.from([...pixels, ...pixels, ...pixels], [1, 3, 48, 48])).data();
    one.forEach((value, k) => {
      expect(other[k]).toBeCloseTo(value, 5);
    });
    colour.dispose();
    grey.dispose();
  }

  it('begins the last layer anew for other classes, by the seed', async () => {
    const old = network('gap-cnn', 1, { classes: 4 });
    const model = network('gap-cnn', 2);
    const before = await model.stateDict();
    const { report, origin } = await initialise(model, await sourceOf(old, ['a', 'b', 'c', 'd']), three);
    const head = Object.keys(report.fresh);
    expect(head.length).toBeGreaterThan(0);
    expect(report.fresh[head[0]!]).toBe("the classes are 3 (top, middle, bottom), the file's 4 (a, b, c, d)");
    expect(report.left).toEqual(head);
    const after = await model.stateDict();
    for (const name of head) {
      expect(after.get(name)).toEqual(before.get(name));
      expect(origin.has(name)).toBe(false);
    }
    expect(report.matched).toBe(after.size - head.length);
    expect(initLines(report)).toContain(`  left in the file: ${head.join(', ')}`);
    // As many classes, but others.
    const renamed = await initialise(model, await sourceOf(network('gap-cnn', 1), ['top', 'middle', 'left']), three);
    expect(Object.keys(renamed.report.fresh)).toEqual(head);
    // And where it is asked for.
    const asked = await initialise(model, await sourceOf(network('gap-cnn', 1), three), three, true);
    expect(Object.keys(asked.report.fresh)).toEqual(head);
    old.dispose();
    model.dispose();
  });

  it('puts the rows of the last layer in the order of the classes', async () => {
    const old = network('simple-mlp', 1);
    const model = network('simple-mlp', 2);
    const source = await sourceOf(old, ['happy', 'sad', 'angry']);
    const { report } = await initialise(model, source, ['anger', 'happiness', 'sad']);
    const names = Object.keys(report.adapted);
    expect(report.adapted[names[0]!]).toBe('rows put in the order of the classes');
    const state = await model.stateDict();
    for (const name of names) {
      const rows = ({ data, shape }: HostTensor) =>
        Array.from({ length: 3 }, (_, k) => [
          ...(data as Float32Array).slice((k * data.length) / 3, ((k + 1) * data.length) / 3),
          ...shape.slice(1),
        ]);
      const [happy, sad, angry] = rows(source.state.get(name)!);
      expect(rows(state.get(name)!)).toEqual([angry, happy, sad]);
    }
    old.dispose();
    model.dispose();
  });

  it('knows the last layer of every network', () => {
    for (const [name, { channels }] of Object.entries(modelRegistry)) {
      const [model, old] = init.withoutValues(() => [5, 6].map(classes => network(name, 0, { classes, channels }))) as [
        Module,
        Module,
      ];
      const last = [...model.stateShapes()].filter(([entry, shape]) => {
        const other = old.stateShapes().find(([theirs]) => theirs === entry)![1];
        return shape.join() !== other.join();
      });
      const prefix = model
        .stateShapes()
        .at(-1)![0]
        .replace(/[^.]*$/, '');
      expect([name, last.every(([entry]) => entry.startsWith(prefix))]).toEqual([name, true]);
      model.dispose();
      old.dispose();
    }
  });

  it('refuses weights of which nothing fits, and names the nearest', async () => {
    const state = new Map([['net.11.weights', { dtype: 'F32' as const, shape: [2], data: Float32Array.of(1, 2) }]]);
    const model = network('improved-mlp', 1);
    await expect(initialise(model, { file: 'b.pth', fingerprint: '', state }, three)).rejects.toThrow(
      /--init b\.pth: none of its 1 entries fits the model .*\n +net\.\S+ \(.*\): the nearest in the file is net\.11\.weights \(2\)/,
    );
    model.dispose();
  });
});

describe('train --init', () => {
  const classes = { classes: three, mean: [0.5], std: [0.5], epoch: 1 };

  it('begins from the best weights of a run, keeps the report, and resumes without the file to the same bits', async () => {
    await runIn(folder, 'first', bandData(60), { epochs: 1 });
    const from = join(folder, 'first');
    const options = { init: from, l2Sp: [0.1, 0.01], clipNorm: 1, ema: 0.9, seed: 9 };
    const whole = await runIn(folder, 'whole', bandData(60), options);
    expect(whole.reporter.notes[0]).toMatch(/^weights from .*best\.safetensors: (\d+) of the model's \1 entries/);
    const { config } = await RunFolder.open(whole.path);
    expect(config.init).toMatchObject({ fingerprint: (await readInit(from)).fingerprint, adapted: {}, fresh: {} });
    const { data, signal } = abortAtBatch(bandData(60), 6);
    await runIn(folder, 'parts', data, options, { signal });
    await rm(from, { recursive: true });
    const { path } = await runIn(folder, 'parts', bandData(60), options, { resume: true });
    expect(await stateOf(join(path, 'last.safetensors'))).toEqual(await stateOf(join(whole.path, 'last.safetensors')));
    // What it was pulled to does not pass for weights.
    expect(
      [...(await loadWeights(join(path, 'last.safetensors'))).state.keys()].some(name => name.startsWith('l2')),
    ).toBe(false);
  });

  it('begins again only from the same weights, where no state was saved', async () => {
    const model = network('improved-mlp', 1);
    const file = join(folder, 'weights.safetensors');
    await saveWeights(file, await model.stateDict(), { model: 'improved-mlp', ...classes });
    const reporter = new Recorder(() => {
      throw new Error('killed');
    });
    const { data, signal } = abortAtBatch(bandData(60), 0);
    await expect(runIn(folder, 'run', data, { init: file }, { reporter, signal })).rejects.toThrow('killed');
    await rm(join(folder, 'run', 'last.safetensors'), { force: true });
    await saveWeights(file, await network('improved-mlp', 2).stateDict(), { model: 'improved-mlp', ...classes });
    await expect(runIn(folder, 'run', bandData(60), { init: file }, { resume: true })).rejects.toThrow(
      'is not what the run was begun from',
    );
    model.dispose();
  });

  it('pulls to where it began: the stronger, the nearer', async () => {
    await runIn(folder, 'first', bandData(60), { epochs: 1 });
    const init = join(folder, 'first');
    const start = (await readInit(init)).state;
    const distance = async (name: string, l2Sp: number[]) => {
      const { path } = await runIn(folder, name, bandData(60), { init, l2Sp, optimizer: 'sgd', lr: 0.05, epochs: 2 });
      const { state } = await loadWeights(join(path, 'last.safetensors'));
      let sum = 0;
      for (const [key, { data: values }] of state) {
        if (!key.endsWith('weight')) continue;
        (values as Float32Array).forEach((value, i) => (sum += (value - Number(start.get(key)!.data[i]!)) ** 2));
      }
      return sum;
    };
    expect(await distance('near', [8])).toBeLessThan(0.5 * (await distance('far', [0])));
  });

  it.each([
    [{ initHead: 'fresh' as const }, '--init-head needs --init'],
    [{ l2Sp: [0.1] }, '--l2-sp pulls weights to those that the run begins from'],
    [{ unfreeze: ['*'] }, '--unfreeze takes patterns out of --freeze'],
    [{ freeze: ['*'], stages: [{ epochs: 1 }] }, '--freeze goes without stages'],
  ])('refuses what does not go together (%#)', (given, message) => {
    expect(() => newOptions({ model: 'simple-mlp', data: 'synthetic', ...given })).toThrow(message);
  });

  it('takes the place of the weight decay that AdamW has by default', () => {
    const given = { model: 'simple-mlp', data: 'synthetic', optimizer: 'adamw' as const, init: 'a', l2Sp: [0.1] };
    expect(newOptions(given).weightDecay).toBe(0);
    expect(newOptions({ ...given, weightDecay: 0.2 }).weightDecay).toBe(0.2);
  });
});

describe('train --freeze', () => {
  it('holds layers for the whole run, also when it is resumed and lengthened', async () => {
    const options = { freeze: ['*'], unfreeze: ['net.11'], epochs: 1 };
    const { path } = await runIn(folder, 'run', bandData(60), options);
    const first = await loadWeights(join(path, 'last.safetensors'));
    await runIn(folder, 'run', bandData(60), { ...options, epochs: 2 }, { resume: true });
    const second = await loadWeights(join(path, 'last.safetensors'));
    const moved = [...first.state].filter(([name, { data }]) => String(second.state.get(name)!.data) !== String(data));
    expect(moved.map(([name]) => name).sort()).toEqual(['net.11.bias', 'net.11.weight']);
    await expect(runIn(folder, 'none', bandData(60), { freeze: ['*'] })).rejects.toThrow(
      '--freeze freezes every parameter',
    );
  });
});

describe('joint data', () => {
  it('are mixed in, and a run that was stopped resumes to the same bits', async () => {
    const other = { ...bandData(40), name: 'others', classes: ['bottom', 'middle', 'top'] };
    const joined = joinDataSets(bandData(60), other);
    const options = { joint: { data: 'others', share: 0.4 } };
    const whole = await runIn(folder, 'whole', joined, options);
    expect(whole.reporter.started!.epochImages).toBe(100);
    const { data, signal } = abortAtBatch(joined, 8);
    await runIn(folder, 'parts', data, options, { signal });
    const { path } = await runIn(folder, 'parts', joined, options, { resume: true });
    expect(await stateOf(join(path, 'last.safetensors'))).toEqual(await stateOf(join(whole.path, 'last.safetensors')));
    expect((await RunFolder.open(path)).config.options.joint).toEqual(options.joint);
  });

  it('stand in a recipe by the names of the other data', () => {
    const text = 'model: {name: simple-mlp}\ndata: {joint: {path: b.csv, share: 0.3, map-labels: fer2013}}\n';
    const { options } = parseRecipe(text, '/recipes/mine.yaml');
    expect(options.joint).toEqual({ data: '/recipes/b.csv', share: 0.3, mapLabels: 'fer2013' });
    const written = recipeText(newOptions({ ...options, data: 'synthetic', freeze: ['*'] }), { comment: 'mine' });
    expect(parseRecipe(written, '/elsewhere/mine.yaml').options).toMatchObject({ joint: options.joint, freeze: ['*'] });
    expect(() => parseRecipe(text.replace('map-labels', 'map-label'), 'mine.yaml')).toThrow(
      'data.joint.map-label: there is no such field; did you mean map-labels?',
    );
    expect(() => newOptions({ ...options, data: 'synthetic', sampler: 'oversample' })).toThrow(
      '--sampler oversample goes',
    );
  });
});
