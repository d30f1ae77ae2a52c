import type { Device, TuningTable } from '../gpu/device.js';
import { augmentersFor, type Augmenter } from '../data/augment/augmenter.js';
import { limitSplit, titleOf, type DataSet, type Split } from '../data/dataset.js';
import { classWeights, parseClassWeighting, weightWarning } from '../data/sampling/class-weights.js';
import { createSampler, parseSampler, samplerWarning, type Sampler } from '../data/sampling/sampler.js';
import { countLabels } from '../data/stats.js';
import { accumulateTotals, crossEntropy, scale } from '../kernels/index.js';
import type { TuningProblem } from '../kernels/tuning/index.js';
import { countParameters, type Module } from '../nn/index.js';
import { backward, defaultGenerator, manualSeed, scope, setDefaultDevice, Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { Batches } from './batches.js';
import {
  loadCheckpoint,
  loadWeights,
  saveCheckpoint,
  saveWeights,
  type Trainee,
  type WeightsInfo,
} from './checkpoint.js';
import { firstBadTensor } from './diagnose.js';
import { EarlyStopping, parseEarlyStopping } from './early-stopping.js';
import { WeightAverage } from './ema.js';
import { createModel, definitionOf, hasBatchNorm, modelChoice, takesImageNet } from './model.js';
import { GradScaler } from './grad-scaler.js';
import { normalisationOf } from './normalisation.js';
import { clippingOf, createOptimizer } from './optimisation.js';
import type { RunFolder } from './run.js';
import { createSchedule, type Watched } from './schedulers/index.js';
import { checkStages, freezeForStage, optionsOfStage, stageAt } from './stages.js';
import { networkProblems } from './tuning/problems.js';
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
  /** Gives the choices of kernels for a new run; without it the run takes the defaults. A resumed run keeps its own. */
  readonly tune?: (problems: readonly TuningProblem[]) => Promise<TuningTable>;
}

/** Name of an adapter for people. */
export function adapterName(device: Device): string {
  const { vendor, architecture, device: name, description } = device.info;
  return description || [vendor, architecture, name].filter(Boolean).join(' ');
}

/** The splits under `--limit`, and that there is something to train and to choose the best epoch on. */
function limitedSplits(data: DataSet, options: TrainOptions): Splits {
  const { limit, seed } = options;
  const of = (split: Split) => (limit === undefined ? split : limitSplit(split, limit, seed));
  const { train, val, test } = data.splits;
  if (train.count === 0) throw new UserError(`${data.name} has no training images`);
  if (val.count === 0) {
    throw new UserError(
      `${data.name} has no validation images, on which the best epoch is chosen; --split 64/16/20 draws new splits`,
    );
  }
  return { train: of(train), val: of(val), test: of(test) };
}

type Splits = Record<'train' | 'val' | 'test', Split>;

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
  setDefaultDevice(device);
  const training = new Training(device, data, options, context);
  try {
    await training.begin();
    const summary = await training.run();
    context.reporter.end(summary);
    return summary;
  } finally {
    training.dispose();
  }
}

/** One sitting of a run: the network and its optimiser on the GPU, and where the run stands. */
class Training {
  readonly #splits: Splits;
  #trainee: Trainee;
  readonly #parameters: number;
  readonly #info: Omit<WeightsInfo, 'epoch'>;
  readonly #batches: Record<keyof Splits, Batches>;
  readonly #sampler: Sampler;
  /** Class weights of the training loss, on the host and (K) on the GPU. */
  readonly #weights: { values: readonly number[]; tensor: Tensor } | undefined;
  /** What the network computes. */
  readonly #problems: () => TuningProblem[];
  /** Batches and steps of an epoch. */
  readonly #batchCount: number;
  readonly #steps: number;
  /** What the scheduler watches. */
  #watched: Watched = 'loss';

  // Where the run stands (checkpoint.ts): finished epochs, finished steps of the epoch under way, its stage, seconds so far.
  #epochs = 0;
  #step = 0;
  #stage = 0;
  #seconds = 0;
  #epochSeconds = 0;
  #history: EpochRow[] = [];

  #clock = performance.now();
  /** When the epoch under way was last reported, and its images then. */
  #reported = { time: 0, images: 0 };
  /** The generator's position before each batch since the last report: what a diagnosis draws again. */
  #offsets: number[] = [];

  constructor(
    private readonly device: Device,
    private readonly data: DataSet,
    private readonly options: TrainOptions,
    private readonly context: TrainContext,
  ) {
    this.#splits = limitedSplits(data, options);
    const { labels } = this.#splits.train;
    this.#sampler = createSampler(parseSampler(options.sampler ?? 'shuffle'), labels, data.classes, options.seed);
    const weighting = parseClassWeighting(options.classWeights ?? 'none');
    const weights = weighting && classWeights(weighting, countLabels(labels, data.classes.length), data.classes);
    const imagenet = takesImageNet(definitionOf(options), options);
    const normalisation = normalisationOf({ ...options, imagenet }, data, this.#splits.train);
    manualSeed(options.seed);
    const augment = augmentersFor(options.augment, data, normalisation, options.seed);
    const form = { ...data, ...augment.output };
    const create = () => createModel(options, form, data.classes.length, imagenet);
    this.#problems = () => {
      const batch = Math.min(options.batchSize, this.#splits.train.count);
      return networkProblems(device, create, [batch, form.channels, form.height, form.width]);
    };
    const model = create();
    this.#parameters = countParameters(model);
    this.#batchCount = this.#batchesOfEpoch(model);
    this.#steps = Math.ceil(this.#batchCount / (options.accumulate ?? 1));
    checkStages(model, options, this.#steps);
    this.#trainee = this.#traineeOf(model, 0, Tensor.zeros([4]).keep());
    this.#weights = weights && { values: weights, tensor: Tensor.from(weights, [weights.length]).keep() };
    const equalize = options.equalize ? { equalize: options.equalize } : {};
    this.#info = { ...modelChoice(options), classes: [...data.classes], ...normalisation, ...equalize };
    const batchesOf = (split: Split, augmenter: Augmenter | undefined, drawSeed?: number) =>
      new Batches(device, data, split, options.batchSize, normalisation, augmenter, drawSeed);
    this.#batches = {
      // Validation takes the targets as they are: the mean over all draws.
      train: batchesOf(this.#splits.train, augment.train, data.drawsTargets ? options.seed : undefined),
      val: batchesOf(this.#splits.val, augment.test),
      test: batchesOf(this.#splits.test, augment.test),
    };
  }

  /** Writes a new run's config, or takes up the state of the one that is resumed. */
  async begin(): Promise<void> {
    const { run, reporter, resume, version, tune } = this.context;
    const { train, val, test } = this.#splits;
    const data = { name: titleOf(this.data), train: train.count, val: val.count, test: test.count };
    const adapter = adapterName(this.device);
    const tuning = resume ? new Map(Object.entries(run.config.tuning ?? {})) : await tune?.(this.#problems());
    if (tuning) this.device.tuning = tuning;
    if (resume) {
      // A run that was stopped before its first checkpoint has nothing to go on from, and begins again.
      if (await run.hasCheckpoint()) {
        const { epochs, step, seconds, epochSeconds, history } = await loadCheckpoint(run.last, stage => {
          if (stage > 0) this.#enter(stage);
          return this.#trainee;
        });
        this.#epochs = epochs;
        this.#step = step;
        this.#seconds = seconds;
        this.#epochSeconds = epochSeconds;
        this.#history = [...history];
      }
      await run.writeConfig({ ...run.config, options: this.options });
      await run.writeMetrics(this.#history);
    } else {
      const { classes, mean, std, imagenet } = this.#info;
      await run.begin({
        facegrad: version,
        created: new Date().toISOString(),
        options: this.options,
        data: { ...data, fingerprint: this.data.fingerprint },
        ...{ classes, mean, std, adapter },
        ...(imagenet ? { imagenet } : {}),
        ...(tuning && tuning.size > 0 ? { tuning: Object.fromEntries(tuning) } : {}),
      });
    }
    const weights = this.#weights?.values;
    const lastEpoch = this.#history.at(-1);
    for (const warning of [
      samplerWarning(this.#sampler, this.data.classes),
      weights && weightWarning(weights, this.data.classes),
    ]) {
      if (warning !== undefined) reporter.note(`warning: ${warning}`);
    }
    reporter.start({
      model: this.options.model,
      parameters: this.#parameters,
      adapter,
      data,
      epochImages: this.#imagesOfEpoch,
      ...(weights ? { classWeights: Object.fromEntries(this.data.classes.map((name, k) => [name, weights[k]!])) } : {}),
      options: this.options,
      runFolder: run.path,
      steps: this.#steps,
      ...(resume ? { resumedFrom: this.#epochs, resumedStep: this.#step } : {}),
      ...(lastEpoch ? { lastEpoch } : {}),
    });
  }

  /** Trains until the last epoch is done or the signal is aborted. */
  async run(): Promise<TrainSummary> {
    this.#clock = performance.now();
    this.#trainee.model.train();
    while (this.#epochs < this.options.epochs && !this.#trainee.earlyStopping?.stopped) {
      const stage = stageAt(this.options, this.#epochs);
      if (stage !== this.#stage) {
        this.#enter(stage);
        const { epochs, lr } = optionsOfStage(this.options, stage);
        const count = `${epochs} epoch${epochs === 1 ? '' : 's'}`;
        this.context.reporter.note(`stage ${stage + 1} of ${this.options.stages!.length}: ${count} from --lr ${lr}`);
      }
      if (!(await this.#runEpoch())) {
        await this.#save();
        return this.#summarise(true);
      }
    }
    return this.#summarise(false);
  }

  dispose(): void {
    const { model, totals } = this.#trainee;
    this.#weights?.tensor.dispose();
    totals.dispose();
    this.#leaveStage();
    model.dispose();
  }

  /** What trains `model` in a stage; everything in it begins anew but the model and the generator. */
  #traineeOf(model: Module, stage: number, totals: Tensor): Trainee {
    freezeForStage(model, this.options, stage);
    const options = optionsOfStage(this.options, stage);
    const optimizer = createOptimizer(model, options);
    optimizer.clipping = clippingOf(options);
    const { ema, emaWarmup = false, earlyStop } = options;
    const schedule = createSchedule(optimizer.groups, options, { ...options, stepsPerEpoch: this.#steps });
    this.#watched = schedule?.watched ?? 'loss';
    return {
      model,
      optimizer,
      average: ema === undefined ? undefined : new WeightAverage(optimizer, { decay: ema, warmup: emaWarmup }),
      schedule: schedule?.schedule,
      earlyStopping: earlyStop === undefined ? undefined : new EarlyStopping(parseEarlyStopping(earlyStop)),
      generator: defaultGenerator(),
      // Where the device computes in f16.
      scaler: this.device.matrices && new GradScaler(this.device),
      totals,
    };
  }

  /** Goes on with the weights as they are, and what the stage trains them with. */
  #enter(stage: number): void {
    const { model, totals } = this.#trainee;
    this.#leaveStage();
    this.#trainee = this.#traineeOf(model, stage, totals);
    this.#stage = stage;
  }

  #leaveStage(): void {
    const { optimizer, average, scaler } = this.#trainee;
    average?.dispose();
    scaler?.dispose();
    optimizer.dispose();
  }

  /** The epoch under way from where it stands to its validation; false when the signal ended it before. */
  async #runEpoch(): Promise<boolean> {
    const { signal } = this.context;
    const order = this.#sampler.order(this.#epochs + 1);
    if (this.#step === 0) this.device.clear(this.#trainee.totals.slice);
    this.#offsets = [];
    this.#reported = { time: performance.now(), images: this.#imagesDone };
    while (this.#step < this.#steps && !signal.aborted) {
      this.#trainStep(order);
      await this.device.settle(IN_FLIGHT);
      const due = performance.now() - this.#reported.time >= REPORT_INTERVAL;
      if (due && this.#step < this.#steps) await this.#report(order);
    }
    if (this.#imagesDone > this.#reported.images) await this.#report(order);
    this.#lap();
    const trainSeconds = this.#epochSeconds;
    if (signal.aborted) return false;
    const validation = await this.#averaged(() =>
      validate(this.device, this.#trainee.model, this.#batches.val, this.#splits.val.count, signal),
    );
    if (!validation) return false;
    const [lossSum, correct, images] = await this.#trainee.totals.data();
    this.#lap();
    await this.#finishEpoch({
      epoch: this.#epochs + 1,
      // The last group's: that of the parameters which no pattern took.
      lr: this.#trainee.optimizer.groups.at(-1)!.lr,
      trainLoss: lossSum! / images!,
      trainAccuracy: correct! / images!,
      valLoss: validation.loss,
      valAccuracy: validation.accuracy,
      seconds: this.#epochSeconds,
      imagesPerSecond: this.#imagesDone / trainSeconds,
    });
    return true;
  }

  #trainStep(order: Uint32Array): void {
    const { accumulate = 1, batchSize } = this.options;
    const first = this.#step * accumulate;
    const end = Math.min(first + accumulate, this.#batchCount);
    const images = Math.min(end * batchSize, order.length) - first * batchSize;
    for (let index = first; index < end; index++) {
      scope(() => {
        this.#accumulateGradients(order, index, images);
        if (index === end - 1) this.#update();
      });
      if (index < end - 1) this.device.submit();
    }
    this.#step++;
  }

  /** Adds the gradients of a batch, whose loss counts by its share of the step's `images`. */
  #accumulateGradients(order: Uint32Array, index: number, images: number): void {
    const { model, generator, scaler, totals } = this.#trainee;
    const { labelSmoothing, focalGamma } = this.options;
    this.#offsets.push(generator.offset);
    const { x, labels, target, size } = this.#batches.train.load(order, index, this.#epochs + 1);
    const logits = model.forward(x);
    const loss = crossEntropy(logits, target, { weight: this.#weights?.tensor, labelSmoothing, focalGamma });
    accumulateTotals(totals, logits, loss, labels);
    const share = size === images ? loss : scale(loss, size / images);
    backward(share, scaler?.seed(share));
  }

  #update(): void {
    const { optimizer, average, schedule, scaler, totals } = this.#trainee;
    optimizer.step(totals.slice, scaler);
    average?.update(scaler?.guard ?? totals.slice);
    optimizer.zeroGrad();
    schedule?.stepDone();
  }

  /** Reads the epoch's totals and tells them; a loss that was not finite ends the run here. */
  async #report(order: Uint32Array): Promise<void> {
    const [lossSum, correct, images, bad] = await this.#trainee.totals.data();
    if (bad! > 0) throw await this.#nonFinite(order, bad!);
    this.#offsets = [];
    const now = performance.now();
    const done = this.#imagesDone;
    const rate = (done - this.#reported.images) / ((now - this.#reported.time) / 1000);
    this.#reported = { time: now, images: done };
    const { epochs } = this.options;
    this.context.reporter.step({
      ...{ epoch: this.#epochs + 1, epochs, step: this.#step, steps: this.#steps, images: done },
      ...{ loss: lossSum! / images!, accuracy: correct! / images! },
      ...{ imagesPerSecond: rate, secondsLeft: ((epochs - this.#epochs) * this.#imagesOfEpoch - done) / rate },
    });
  }

  /** Runs `fn` on the weights that are evaluated: their moving average, where the run keeps one. */
  #averaged<T>(fn: () => Promise<T>): Promise<T> {
    const { average } = this.#trainee;
    return average ? average.inPlace(fn) : fn();
  }

  async #finishEpoch(row: EpochRow): Promise<void> {
    if (!Number.isFinite(row.valLoss)) {
      throw new Error(
        `the validation loss of epoch ${row.epoch} is not finite; the run stands as of epoch ${row.epoch - 1}`,
      );
    }
    const { run, reporter } = this.context;
    const isBest = row.valAccuracy > bestRow(this.#history).valAccuracy;
    this.#history.push(row);
    this.#epochs++;
    this.#step = 0;
    this.#epochSeconds = 0;
    const { schedule, earlyStopping } = this.#trainee;
    schedule?.epochDone(watchedValue(row, this.#watched));
    earlyStopping?.epochDone(watchedValue(row, earlyStopping.options.metric));
    // The best weights first: were the run killed between the two, it would go on from the epoch before and write them
    // again.
    if (isBest) {
      const state = await this.#averaged(() => this.#trainee.model.stateDict());
      await saveWeights(run.best, state, { ...this.#info, epoch: row.epoch });
    }
    await this.#save();
    await run.writeMetrics(this.#history);
    reporter.epoch(row, isBest);
  }

  async #save(): Promise<void> {
    this.#lap();
    const { run, reporter } = this.context;
    const position = {
      epochs: this.#epochs,
      step: this.#step,
      ...(this.options.stages && { stage: this.#stage }),
      seconds: this.#seconds,
      epochSeconds: this.#epochSeconds,
      history: this.#history,
    };
    await saveCheckpoint(run.last, this.#trainee, position, { ...this.#info, epoch: this.#epochs });
    reporter.saved(run.last);
  }

  /** Writes the summary, with the best weights' result on the test split where the run is complete. */
  async #summarise(interrupted: boolean): Promise<TrainSummary> {
    const { run } = this.context;
    const best = bestRow(this.#history);
    const finished = this.#history.length > 0;
    const summary: TrainSummary = {
      model: this.options.model,
      data: titleOf(this.data),
      parameters: this.#parameters,
      classes: [...this.data.classes],
      epochs: this.#epochs,
      bestEpoch: best.epoch,
      ...(finished ? { bestValAccuracy: best.valAccuracy, bestValLoss: best.valLoss } : {}),
      seconds: this.#seconds,
      imagesPerSecond: meanRate(this.#history),
      adapter: adapterName(this.device),
      runFolder: run.path,
      interrupted,
      ...(this.#trainee.earlyStopping?.stopped && this.#epochs < this.options.epochs ? { stoppedEarly: true } : {}),
    };
    const { count } = this.#splits.test;
    if (!interrupted && finished && count > 0) {
      const { model } = this.#trainee;
      model.loadStateDict((await loadWeights(run.best)).state);
      const test = await validate(this.device, model, this.#batches.test, count);
      if (test) {
        summary.testLoss = test.loss;
        summary.testAccuracy = test.accuracy;
      }
    }
    await run.writeSummary(summary);
    return summary;
  }

  /**
   * The error of a loss that was not finite `bad` batches ago (that one included), with the step and the first bad tensor.
   * No parameter has moved since then; the batch is run again with the same draws.
   */
  async #nonFinite(order: Uint32Array, bad: number): Promise<Error> {
    const { model, generator, optimizer, scaler } = this.#trainee;
    const { accumulate = 1 } = this.options;
    const batch = Math.min(this.#step * accumulate, this.#batchCount) - bad; // 0-based
    generator.offset = this.#offsets.at(-bad) ?? generator.offset;
    const culprit = await firstBadTensor(
      model,
      () => this.#batches.train.load(order, batch, this.#epochs + 1).x,
      x => model.forward(x),
    );
    const saved =
      this.#epochs > 0
        ? `${this.context.run.last} holds the state after epoch ${this.#epochs}`
        : 'no epoch was finished';
    return new Error(
      `the loss is not finite at epoch ${this.#epochs + 1}, step ${Math.floor(batch / accumulate) + 1}: the first bad tensor is ` +
        `${culprit ?? 'the loss itself'}. Try a smaller --lr (it is ${optimizer.lr})${scaler ? ' or --precision f32' : ''}. ${saved}.`,
    );
  }

  get #imagesDone(): number {
    return Math.min(this.#step * (this.options.accumulate ?? 1) * this.options.batchSize, this.#imagesOfEpoch);
  }

  get #imagesOfEpoch(): number {
    return Math.min(this.#batchCount * this.options.batchSize, this.#sampler.length);
  }

  /** Batch statistics of a single image do not exist: a last batch of one is left out, and no other may be that small. */
  #batchesOfEpoch(model: Module): number {
    const { batchSize } = this.options;
    const { length } = this.#sampler;
    const count = Math.ceil(length / batchSize);
    const smallest = Math.min(batchSize, length);
    if (smallest === 1 && hasBatchNorm(model)) {
      throw new UserError(`${this.options.model} has batch normalisation, which needs batches of two images or more`);
    }
    const leftover = length % batchSize;
    return leftover === 1 && count > 1 && batchSize > 1 ? count - 1 : count;
  }

  /** Adds the time since the last call to the run's and the epoch's. */
  #lap(): void {
    const now = performance.now();
    const passed = (now - this.#clock) / 1000;
    this.#clock = now;
    this.#seconds += passed;
    this.#epochSeconds += passed;
  }
}

const NO_ROW: EpochRow = {
  ...{ epoch: 0, lr: 0, trainLoss: 0, trainAccuracy: 0, valLoss: 0, valAccuracy: -1, seconds: 0, imagesPerSecond: 0 },
};

function watchedValue(row: EpochRow, watched: Watched): number {
  return watched === 'loss' ? row.valLoss : row.valAccuracy;
}

/** The first row of the highest validation accuracy. */
function bestRow(history: readonly EpochRow[]): EpochRow {
  return history.reduce((best, row) => (row.valAccuracy > best.valAccuracy ? row : best), NO_ROW);
}

/** Images a second over all epochs, each of the same number of images: the harmonic mean. */
function meanRate(history: readonly EpochRow[]): number {
  if (history.length === 0) return 0;
  return history.length / history.reduce((sum, row) => sum + 1 / row.imagesPerSecond, 0);
}
