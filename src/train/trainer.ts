import type { Device } from '../gpu/device.js';
import { epochOrder, limitSplit, pixelStatistics, type DataSet, type Split } from '../data/dataset.js';
import { accumulateTotals, crossEntropy } from '../kernels/index.js';
import { countParameters, type Module } from '../nn/index.js';
import { backward, defaultGenerator, manualSeed, scope, setDefaultDevice, Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { Batches, type Normalisation } from './batches.js';
import { loadCheckpoint, loadWeights, saveCheckpoint, saveWeights, type Position, type Trainee } from './checkpoint.js';
import { firstBadTensor } from './diagnose.js';
import { createModel, definitionOf, modelChoice, takesImageNet } from './model.js';
import { Adam, SGD, type Optimizer } from './optim.js';
import type { RunFolder } from './run.js';
import type { EpochRow, Reporter, TrainOptions, TrainSummary } from './types.js';
import { IN_FLIGHT, validate } from './validate.js';

/** Milliseconds between two reports of an epoch under way; each waits for the GPU once. */
const REPORT_INTERVAL = 500;

export interface TrainContext {
  readonly run: RunFolder;
  readonly reporter: Reporter;
  /** Aborted: save after the step under way and return. */
  readonly signal: AbortSignal;
  /** Go on from the run's last checkpoint; the caller has compared options and data (run.ts). */
  readonly resume: boolean;
  /** Version of facegrad, for config.json. */
  readonly version: string;
}

/** Name of an adapter for people. */
export function adapterName(device: Device): string {
  const { vendor, architecture, device: name, description } = device.info;
  return description || [vendor, architecture, name].filter(Boolean).join(' ');
}

function makeOptimizer(model: Module, options: TrainOptions): Optimizer {
  const { lr, momentum, nesterov, weightDecay } = options;
  switch (options.optimizer) {
    case 'adam':
      return new Adam(model.parameters(), { lr, weightDecay });
    case 'sgd':
      return new SGD(model.parameters(), { lr, momentum, nesterov, weightDecay });
  }
}

/** The splits under `--limit`, and that there is something to train and to choose the best epoch on. */
function limitedSplits(data: DataSet, options: TrainOptions): Record<'train' | 'val' | 'test', Split> {
  const { limit, seed } = options;
  const of = (split: Split) => (limit === undefined || split.count === 0 ? split : limitSplit(split, limit, seed));
  const { train, val, test } = data.splits;
  if (train.count === 0) throw new UserError(`${data.name} has no training images`);
  if (val.count === 0) {
    throw new UserError(`${data.name} has no validation images (Usage PublicTest), on which the best epoch is chosen`);
  }
  return { train: of(train), val: of(val), test: of(test) };
}

/**
 * Trains a network by `options`, epoch by epoch with a validation after each, and writes the run's files: the state after
 * every epoch and at an interruption (last), the weights of the best epoch (best), metrics and a summary with the test
 * result of the best weights. The same options, data and adapter give the same bits, in one sitting or several.
 */
export async function train(
  device: Device,
  data: DataSet,
  options: TrainOptions,
  context: TrainContext,
): Promise<TrainSummary> {
  const { run, reporter, signal } = context;
  setDefaultDevice(device);
  const splits = limitedSplits(data, options);
  const imagenet = takesImageNet(definitionOf(options), options);
  const normalisation = normalisationOf({ ...options, imagenet }, data, splits.train);

  manualSeed(options.seed);
  const generator = defaultGenerator();
  const model = createModel(options, data, data.classes.length, imagenet);
  const optimizer = makeOptimizer(model, options);
  const totals = Tensor.zeros([4]).keep();
  const trainee: Trainee = { model, optimizer, generator, totals };
  const parameters = countParameters(model);
  const adapter = adapterName(device);
  const info = { ...modelChoice(options), classes: [...data.classes], ...normalisation };

  let position: Position = { epochs: 0, step: 0, seconds: 0, epochSeconds: 0, history: [] };
  if (context.resume) {
    // A run that was stopped before its first checkpoint has nothing to go on from, and begins again.
    if (await run.hasCheckpoint()) position = await loadCheckpoint(run.last, trainee);
    await run.writeConfig({ ...run.config, options });
    await run.writeMetrics(position.history);
  } else {
    await run.begin({
      facegrad: context.version,
      created: new Date().toISOString(),
      options,
      data: {
        name: data.name,
        fingerprint: data.fingerprint,
        train: splits.train.count,
        val: splits.val.count,
        test: splits.test.count,
      },
      classes: [...data.classes],
      ...normalisation,
      adapter,
    });
  }
  reporter.start({
    model: options.model,
    parameters,
    adapter,
    data: { name: data.name, train: splits.train.count, val: splits.val.count, test: splits.test.count },
    options,
    runFolder: run.path,
    ...(context.resume ? { resumedFrom: position.epochs } : {}),
  });

  const batchesOf = (split: Split) => new Batches(device, data, split, options.batchSize, normalisation);
  const trainBatches = batchesOf(splits.train);
  const valBatches = batchesOf(splits.val);
  // Batch statistics of a single image do not exist, so a last batch of one is left out.
  const leftover = splits.train.count % options.batchSize;
  const steps = trainBatches.count - (leftover === 1 && trainBatches.count > 1 ? 1 : 0);
  const imagesAfter = (step: number) => Math.min(step * options.batchSize, splits.train.count);

  const history = [...position.history];
  let { epochs, step, seconds, epochSeconds } = position;
  let interrupted = false;
  let clock = performance.now();
  const lap = () => {
    const now = performance.now();
    const passed = (now - clock) / 1000;
    clock = now;
    seconds += passed;
    epochSeconds += passed;
  };
  const save = async () => {
    lap();
    await saveCheckpoint(
      run.last,
      trainee,
      { epochs, step, seconds, epochSeconds, history },
      { ...info, epoch: epochs },
    );
    reporter.saved(run.last);
  };

  model.train();
  while (epochs < options.epochs) {
    const epoch = epochs + 1;
    const order = epochOrder(splits.train.count, options.seed, epoch);
    if (step === 0) device.clear(totals.slice);
    // The generator's position before each step since the last look at the totals: what a diagnosis draws again.
    let offsets: number[] = [];
    let reported = performance.now();
    let imagesReported = imagesAfter(step);
    const report = async () => {
      const [lossSum, correct, images, bad] = await totals.data();
      if (bad! > 0) {
        await failNonFinite(epoch, step, bad!, offsets, order);
      }
      offsets = [];
      const now = performance.now();
      const rate = (imagesAfter(step) - imagesReported) / ((now - reported) / 1000);
      reported = now;
      imagesReported = imagesAfter(step);
      const left = (options.epochs - epochs) * imagesAfter(steps) - imagesAfter(step);
      reporter.step({
        ...{ epoch, epochs: options.epochs, step, steps, images: images! },
        ...{ loss: lossSum! / images!, accuracy: correct! / images! },
        ...{ imagesPerSecond: rate, secondsLeft: left / rate },
      });
    };

    while (step < steps && !signal.aborted) {
      offsets.push(generator.offset);
      scope(() => {
        const { x, labels } = trainBatches.load(order, step);
        const logits = model.forward(x);
        const loss = crossEntropy(logits, labels);
        accumulateTotals(totals, logits, loss, labels);
        backward(loss);
        optimizer.step(totals.slice);
        optimizer.zeroGrad();
      });
      step++;
      await device.settle(IN_FLIGHT);
      if (performance.now() - reported >= REPORT_INTERVAL && step < steps) await report();
    }
    if (imagesAfter(step) > imagesReported) await report();
    lap();
    const trainSeconds = epochSeconds;
    const validation = signal.aborted ? undefined : await validate(device, model, valBatches, splits.val.count, signal);
    if (!validation) {
      interrupted = true;
      await save();
      break;
    }
    const [lossSum, correct, images] = await totals.data();
    lap();
    const row: EpochRow = {
      epoch,
      lr: optimizer.lr,
      trainLoss: lossSum! / images!,
      trainAccuracy: correct! / images!,
      valLoss: validation.loss,
      valAccuracy: validation.accuracy,
      seconds: epochSeconds,
      imagesPerSecond: imagesAfter(steps) / trainSeconds,
    };
    if (!Number.isFinite(row.valLoss)) {
      throw new Error(`the validation loss of epoch ${epoch} is not finite; the run stands as of epoch ${epoch - 1}`);
    }
    const isBest = row.valAccuracy > bestRow(history).valAccuracy;
    history.push(row);
    epochs++;
    step = 0;
    epochSeconds = 0;
    // The best weights first: were the run killed between the two, it would go on from the epoch before and write them
    // again.
    if (isBest) await saveWeights(run.best, await model.stateDict(), { ...info, epoch });
    await save();
    await run.writeMetrics(history);
    reporter.epoch(row, isBest);
  }

  const best = bestRow(history);
  const summary: TrainSummary = {
    model: options.model,
    parameters,
    classes: [...data.classes],
    epochs,
    bestEpoch: best.epoch,
    ...(history.length > 0 ? { bestValAccuracy: best.valAccuracy, bestValLoss: best.valLoss } : {}),
    seconds,
    imagesPerSecond: meanRate(history),
    adapter,
    runFolder: run.path,
    interrupted,
  };
  if (!interrupted && splits.test.count > 0 && history.length > 0) {
    model.loadStateDict((await loadWeights(run.best)).state);
    const test = await validate(device, model, batchesOf(splits.test), splits.test.count);
    if (test) {
      summary.testLoss = test.loss;
      summary.testAccuracy = test.accuracy;
    }
  }
  await run.writeSummary(summary);
  totals.dispose();
  optimizer.dispose();
  model.dispose();
  reporter.end(summary);
  return summary;

  /** Stops a run whose loss is not finite, with the step and the first bad tensor. Nothing has moved since that step. */
  async function failNonFinite(
    epoch: number,
    done: number,
    bad: number,
    offsets: number[],
    order: Uint32Array,
  ): Promise<never> {
    const first = done - bad; // 0-based
    generator.offset = offsets.at(-bad) ?? generator.offset;
    const culprit = await firstBadTensor(
      model,
      () => trainBatches.load(order, first).x,
      x => model.forward(x),
    );
    const saved = epochs > 0 ? `${run.last} holds the state after epoch ${epochs}` : 'no epoch was finished';
    throw new Error(
      `the loss is not finite at epoch ${epoch}, step ${first + 1}: the first bad tensor is ` +
        `${culprit ?? 'the loss itself'}. Try a smaller --lr (it is ${optimizer.lr}). ${saved}.`,
    );
  }
}

const NO_ROW: EpochRow = {
  ...{ epoch: 0, lr: 0, trainLoss: 0, trainAccuracy: 0, valLoss: 0, valAccuracy: -1, seconds: 0, imagesPerSecond: 0 },
};

/** The first row of the highest validation accuracy. */
function bestRow(history: readonly EpochRow[]): EpochRow {
  return history.reduce((best, row) => (row.valAccuracy > best.valAccuracy ? row : best), NO_ROW);
}

/** Images a second over all epochs, each of the same number of images: the harmonic mean. */
function meanRate(history: readonly EpochRow[]): number {
  if (history.length === 0) return 0;
  return history.length / history.reduce((sum, row) => sum + 1 / row.imagesPerSecond, 0);
}

/**
 * What images are normalised with before they go to the network: what the options say, else the training split's own
 * statistics; nothing where the network normalises as ImageNet's images were.
 */
export function normalisationOf(
  options: Pick<TrainOptions, 'mean' | 'std'> & { readonly imagenet?: boolean },
  data: DataSet,
  train: Split,
): Normalisation & { mean: number[]; std: number[]; imagenet?: true } {
  const { channels } = data;
  if (options.imagenet) return { mean: new Array(channels).fill(0), std: new Array(channels).fill(1), imagenet: true };
  const measured = options.mean && options.std ? undefined : pixelStatistics(train, channels);
  const mean = options.mean ?? measured!.mean;
  const std = options.std ?? measured!.std;
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values.length !== data.channels) {
      throw new UserError(`--${name} has ${values.length} values; ${data.name} has ${data.channels} channels`);
    }
  }
  if (std.some(value => !(value > 0))) throw new UserError('the training images are all of one colour; give --std');
  return { mean: [...mean], std: [...std] };
}
