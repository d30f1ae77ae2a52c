import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { crossEntropy } from '../../src/kernels/index.js';
import { modelRegistry } from '../../src/nn/index.js';
import { backward, manualSeed, Parameter, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { loadWeights } from '../../src/train/checkpoint.js';
import { EarlyStopping, parseEarlyStopping } from '../../src/train/early-stopping.js';
import { WeightAverage } from '../../src/train/ema.js';
import { parameterGroups, parseGroup } from '../../src/train/groups.js';
import { createOptimizer, resolveOptimisation, type OptimisationOptions } from '../../src/train/optimisation.js';
import { SGD } from '../../src/train/optim.js';
import { OneCycleLR } from '../../src/train/schedulers/index.js';
import type { TrainOptions } from '../../src/train/types.js';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import { readFile } from 'node:fs/promises';
import { paths } from '../devices.js';
import { abortAtBatch, bandData, base, Recorder, runIn, stateOf } from './small-run.js';

let folder: string;

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-test-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const weightsOf = async (path: string) => (await loadWeights(path)).state;

describe('gradient accumulation', () => {
  it.each<[string, Partial<TrainOptions>]>([
    ['SGD', { optimizer: 'sgd', momentum: 0.9, lr: 0.01 }],
    ['clipped gradients', { optimizer: 'sgd', momentum: 0.9, lr: 0.01, clipNorm: 0.5 }],
  ])('makes the steps of the large batch, for a network without batch normalisation: %s', async (_name, options) => {
    // 60 images: steps of 32 and 28, the latter in batches of 8, 8, 8 and 4.
    const data = bandData(60);
    const all = { ...options, model: 'simple-mlp', epochs: 2 };
    const large = await runIn(folder, 'large', data, { ...all, batchSize: 32 });
    const small = await runIn(folder, 'small', data, { ...all, batchSize: 8, accumulate: 4 });
    const [a, b] = await Promise.all([large, small].map(({ path }) => weightsOf(join(path, 'last.safetensors'))));
    for (const [name, { data }] of a!) {
      const other = b!.get(name)!.data as Float32Array;
      const error = (data as Float32Array).reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
      expect(error, name).toBeLessThan(2e-6);
    }
    expect(small.reporter.steps.at(-1)).toMatchObject({ step: 2, steps: 2, images: 60 });
    expect(small.reporter.epochs[1]!.trainLoss).toBeCloseTo(large.reporter.epochs[1]!.trainLoss, 5);
  });

  it('names the step and the batch of a loss that is not finite', async () => {
    const failing = runIn(folder, 'diverges', bandData(64), {
      ...{ model: 'simple-mlp', optimizer: 'sgd', lr: 1e12, batchSize: 4, accumulate: 4 },
    });
    await expect(failing).rejects.toThrow(/not finite at epoch 1, step [234]: the first bad tensor is/);
  });
});

describe('a run that is stopped and resumed', () => {
  const everything: [string, number, Partial<TrainOptions>][] = [
    [
      'centred RMSprop, one-cycle, warmed-up average, clipping, accumulation',
      5,
      {
        ...{ optimizer: 'rmsprop', momentum: 0.9, centered: true, lr: 1e-4, scheduler: 'onecycle:max_lr=0.001' },
        ...{ ema: 0.9, emaWarmup: true, clipNorm: 1, accumulate: 2, batchSize: 8 },
      },
    ],
    [
      'AdamW in groups, warm-up and cosine, smoothed labels',
      6,
      {
        ...{ optimizer: 'adamw', weightDecay: 0.1, exemptNormBias: true, groups: ['net.0:lr=0.01'] },
        ...{ scheduler: 'cosine:per=step', warmup: 'steps=5', labelSmoothing: 0.1, ema: 0.8 },
      },
    ],
    [
      'dampened SGD, plateau, focal loss, early stopping',
      9,
      {
        ...{ optimizer: 'sgd', momentum: 0.9, dampening: 0.5, lr: 0.05, focalGamma: 2 },
        ...{ scheduler: 'plateau:patience=0,threshold=0.5,factor=0.5', earlyStop: '3', clipValue: 0.1 },
      },
    ],
  ];

  it.each(everything)('equals the one that never stopped, to the bit: %s', async (_name, batch, options) => {
    const data = bandData(60);
    const whole = await runIn(folder, 'whole', data, options);
    const stopping = abortAtBatch(data, (batch * (options.batchSize ?? base.batchSize)) / base.batchSize);
    const stopped = await runIn(folder, 'stopped', stopping.data, options, { signal: stopping.signal });
    expect(stopped.summary.interrupted).toBe(true);
    const resumed = await runIn(folder, 'stopped', data, options, { resume: true });
    expect(resumed.summary.interrupted).toBe(false);
    for (const file of ['last.safetensors', 'best.safetensors']) {
      expect(await stateOf(join(resumed.path, file))).toEqual(await stateOf(join(whole.path, file)));
    }
    expect(resumed.summary.testLoss).toBe(whole.summary.testLoss);
  });
});

describe('a schedule in a run', () => {
  it('moves the rate after each epoch', async () => {
    const { reporter } = await runIn(folder, 'run', bandData(20), {
      ...{ model: 'simple-mlp', lr: 0.01, scheduler: 'step:step_size=1,gamma=0.5' },
    });
    expect(reporter.epochs.map(({ lr }) => lr)).toEqual([0.01, 0.005, 0.0025]);
  });

  it('keeps its length where the run is lengthened, and one-cycle says that it cannot', async () => {
    const options = { model: 'simple-mlp', epochs: 1, scheduler: 'onecycle:max_lr=0.01,epochs=1,cycle_momentum=false' };
    await runIn(folder, 'run', bandData(20), options);
    await expect(runIn(folder, 'run', bandData(20), { ...options, epochs: 2 }, { resume: true })).rejects.toThrow(
      'one-cycle cannot go on after its end',
    );
  });
});

describe('early stopping', () => {
  it('ends a run that no longer improves, and a resumed one stays where it was', async () => {
    const options = { model: 'simple-mlp', epochs: 9, earlyStop: 'patience=2,min_delta=100' };
    const { summary, reporter } = await runIn(folder, 'run', bandData(20), options);
    expect(summary).toMatchObject({ epochs: 3, interrupted: false, stoppedEarly: true });
    expect(summary.testAccuracy).toBeDefined();
    expect(reporter.epochs.length).toBe(3);
    const again = await runIn(folder, 'run', bandData(20), options, { resume: true, reporter: new Recorder() });
    expect(again.summary).toMatchObject({ epochs: 3, stoppedEarly: true });
    expect(again.reporter.epochs).toEqual([]);
  });

  it('watches the loss or the accuracy, and takes NaN for no improvement', () => {
    const stops = (text: string, values: number[]) => {
      const stopping = new EarlyStopping(parseEarlyStopping(text));
      return values.findIndex(value => {
        stopping.epochDone(value);
        return stopping.stopped;
      });
    };
    expect(stops('2', [1, 0.9, 0.8, 0.8, 0.9])).toBe(4);
    expect(stops('patience=2,min_delta=0.15', [1, 0.9, 0.8, 0.8, 0.9])).toBe(4);
    expect(stops('patience=2,min_delta=0.25', [1, 0.9, 0.8, 0.8, 0.9])).toBe(2);
    expect(stops('patience=2,metric=accuracy', [0.1, 0.2, 0.2, 0.1, 0.5])).toBe(3);
    expect(stops('patience=1', [NaN, 1])).toBe(0);
    expect(() => parseEarlyStopping('0')).toThrow('patience: ');
    expect(() => parseEarlyStopping('min_delta=1')).toThrow('patience: ');
    expect(() => parseEarlyStopping('patience=1,metric=f1')).toThrow('metric: ');
  });
});

describe('the moving average of weights', () => {
  const starting = [1, -2, 3, 0.5, 7];

  it.each([false, true])('is the float64 oracle of its parameters (warm-up: %s)', async warmup => {
    const parameters = [Parameter.of(starting, [5]), Parameter.of([4], [1])];
    const optimizer = new SGD(parameters, { lr: 0.1 });
    const average = new WeightAverage(optimizer, { decay: 0.7, warmup });
    let expected: number[] = [];
    for (let step = 0; step < 5; step++) {
      for (const parameter of parameters) parameter.grad = Tensor.full(parameter.shape, step - 1).keep();
      optimizer.step();
      optimizer.zeroGrad();
      average.update();
      const now = [...(await parameters[0]!.data()), ...(await parameters[1]!.data())];
      const decay = warmup ? Math.min(0.7, (1 + step) / (10 + step)) : 0.7;
      expected = now.map((value, i) => (step === 0 ? value : decay * expected[i]! + (1 - decay) * value));
    }
    const state = average.state();
    const actual = [...(await state[0]!.data()), ...(await state[1]!.data())];
    actual.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i]!, 5);
    });
    for (const tensor of state) tensor.dispose();
    const before = await parameters[0]!.data();
    await average.inPlace(async () => {
      expect((await parameters[0]!.data())[1]).toBe(actual[1]);
    });
    expect(await parameters[0]!.data()).toEqual(before);
    await expect(average.inPlace(() => Promise.reject(new Error('validation failed')))).rejects.toThrow('failed');
    expect(await parameters[0]!.data()).toEqual(before);
    // It stands still once a loss was not finite.
    parameters[0]!.set([9, 9, 9, 9, 9]);
    average.update(Tensor.from([0, 0, 0, 1], [4]).slice);
    const [still] = average.state();
    expect([...(await still!.data())]).toEqual(actual.slice(0, 5));
    still!.dispose();
    average.dispose();
    optimizer.dispose();
    for (const parameter of parameters) parameter.dispose();
  });

  it('is what a run evaluates and keeps as its best', async () => {
    const { path, summary } = await runIn(folder, 'run', bandData(40), { model: 'simple-mlp', epochs: 1, ema: 0.5 });
    const best = await weightsOf(join(path, 'best.safetensors'));
    const last = decodeSafeTensors(await readFile(join(path, 'last.safetensors'))).tensors;
    for (const [name, { data }] of best) {
      const equals = (other: string) =>
        Buffer.from(data.slice().buffer).equals(Buffer.from(last.get(other)!.data.slice().buffer));
      expect([equals(`ema.${name}`), equals(name)], name).toEqual([true, false]);
    }
    expect(summary.bestValAccuracy).toBeGreaterThan(0);
  });

  it('refuses a decay that is none', () => {
    const parameter = Parameter.of([1], [1]);
    const optimizer = new SGD([parameter]);
    expect(() => new WeightAverage(optimizer, { decay: 1 })).toThrow('from 0 to below 1');
    optimizer.dispose();
    parameter.dispose();
  });
});

describe('parameter groups of a model', () => {
  it('go by patterns, and split off what bears no weight decay', () => {
    const model = modelRegistry['improved-mlp']!.create();
    const nameOf = new Map([...model.namedParameters()].map(([name, parameter]) => [parameter, name]));
    const groups = parameterGroups(model, [parseGroup('net.0:lr=0.01,weight_decay=0.5')], true);
    const shown = groups.map(({ parameters, ...options }) => [
      options,
      [...parameters].map(parameter => nameOf.get(parameter)!),
    ]) as [object, string[]][];
    expect(shown[0]).toEqual([{ lr: 0.01, weightDecay: 0.5 }, ['net.0.weight']]);
    expect(shown[1]).toEqual([{ lr: 0.01, weightDecay: 0 }, ['net.0.bias']]);
    expect(shown[2]![0]).toEqual({});
    expect(shown[3]![0]).toEqual({ weightDecay: 0 });
    const batchNorms = [...model.namedModules()].filter(([, module]) => module.constructor.name === 'BatchNorm1d');
    expect(batchNorms.length).toBeGreaterThan(0);
    for (const [name] of batchNorms) expect(shown[3]![1]).toContain(`${name}.weight`);
    expect(shown[2]![1].every(name => name.endsWith('.weight'))).toBe(true);
    expect(shown.flatMap(([, names]) => names).sort()).toEqual([...nameOf.values()].sort());
    expect(() => parameterGroups(model, [parseGroup('no-such:lr=1')], false)).toThrow('matches no parameter');
    model.dispose();
  });

  it.each([
    ['net.0', 'write a pattern and its options'],
    ['net.0:rate=1', 'It takes lr, weight_decay'],
    ['net.0:lr=fast', 'lr: '],
    ['net.0:', 'neither lr nor weight_decay'],
  ])('refuse %s', (text, message) => {
    expect(() => parseGroup(text)).toThrow(message);
  });
});

describe('a step with everything', () => {
  it('reads nothing back and makes neither bind group nor buffer once it is under way', async () => {
    manualSeed(1);
    const model = modelRegistry['simple-mlp']!.create();
    const options = resolveOptimisation(
      { optimizer: 'adamw', exemptNormBias: true },
      { optimizer: 'adam', lr: 1e-3 },
      1,
    );
    const optimizer = createOptimizer(model, options);
    optimizer.clipping = { norm: 1 };
    const average = new WeightAverage(optimizer, { decay: 0.9, warmup: true });
    const schedule = new OneCycleLR(optimizer.groups, { maxLr: 0.01, totalSteps: 30 });
    const { device } = model.parameters()[0]!;
    const step = async () => {
      scope(() => {
        const x = Tensor.full([4, 1, 48, 48], 0.5);
        const labels = Tensor.from([0, 1, 2, 3], [4], { dtype: 'u32' });
        backward(crossEntropy(model.forward(x), labels, { labelSmoothing: 0.1, focalGamma: 2 }));
        optimizer.step();
        average.update();
        optimizer.zeroGrad();
      });
      schedule.step();
      await device.settle(2);
    };
    for (let i = 0; i < 3; i++) await step();
    const { bindGroups, buffers, kernels, readbacks } = device.counts;
    for (let i = 0; i < 20; i++) await step();
    expect(device.counts).toMatchObject({ bindGroups, buffers, kernels, readbacks });
    average.dispose();
    optimizer.dispose();
    model.dispose();
  });
});

describe('options of optimisation', () => {
  const resolve = (given: Partial<OptimisationOptions>) =>
    resolveOptimisation(given, { optimizer: 'adam', lr: 1e-3 }, 10);

  it('have the defaults of their optimiser', () => {
    expect(resolve({})).toEqual({ optimizer: 'adam', lr: 1e-3, weightDecay: 0, momentum: 0, nesterov: false });
    expect(resolve({ optimizer: 'sgd' }).momentum).toBe(0.9);
    expect(resolve({ optimizer: 'adamw' }).weightDecay).toBe(0.01);
    expect(resolve({ optimizer: 'rmsprop' }).momentum).toBe(0);
    expect(resolve({ scheduler: 'cosine' }).scheduler).toBe('cosine:epochs=10');
  });

  it.each<[Partial<OptimisationOptions>, string]>([
    [{ momentum: 0.9 }, '--momentum is of --optimizer sgd and rmsprop; adam has none'],
    [{ optimizer: 'adamw', nesterov: true }, '--nesterov is of --optimizer sgd'],
    [{ optimizer: 'sgd', betas: [0.9, 0.99] }, '--betas is of --optimizer adam and adamw'],
    [{ optimizer: 'sgd', eps: 1e-3 }, '--eps is of'],
    [{ centered: true }, '--centered is of --optimizer rmsprop'],
    [{ optimizer: 'sgd', momentum: 0, nesterov: true }, 'needs a --momentum above 0'],
    [{ optimizer: 'sgd', momentum: 0, dampening: 0.1 }, '--dampening needs a --momentum above 0'],
    [{ optimizer: 'sgd', nesterov: true, dampening: 0.1 }, 'goes without --dampening'],
    [{ clipNorm: 1, clipValue: 1 }, 'choose one'],
    [{ emaWarmup: true }, '--ema-warmup needs --ema'],
    [{ scheduler: 'none' }, "there is no scheduler 'none'"],
    [{ warmup: 'steps=0' }, '--warmup steps=0'],
    [{ earlyStop: 'no' }, '--early-stop no'],
    [{ groups: ['a'] }, '--groups a'],
  ])('refuse %o', (given, message) => {
    expect(() => resolve(given)).toThrow(message);
  });
});
