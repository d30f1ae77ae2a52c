import type { Device, TuningTable } from '../gpu/device.js';
import { DeviceLostError, OutOfGpuMemoryError } from '../gpu/errors.js';
import { titleOf, type DataSet } from '../data/dataset.js';
import type { SummaryValue } from '../interop/tfevents/index.js';
import type { TuningProblem } from '../kernels/tuning/index.js';
import { countParameters } from '../nn/index.js';
import { setDefaultDevice, Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { accumulation, adviceOf, fittingBatch } from './batch-advice.js';
import { inOrder } from './batches.js';
import { loadWeights, readPlace, saveWeights, takeCheckpoint, type Checkpoint } from './checkpoint.js';
import { firstBadTensorOf } from './diagnose.js';
import { EpochLook } from './epoch-look.js';
import { DiskFullError } from './files.js';
import { initLines, type InitReport } from './init-report.js';
import { initialise, readInit } from './init-weights.js';
import type { Origin } from './l2-sp.js';
import { describePlace } from './position.js';
import { Progress } from './progress.js';
import type { RunFolder } from './run.js';
import { Saver } from './saving.js';
import type { Watched } from './schedulers/index.js';
import { setUp, type Setup } from './setup.js';
import { optionsOfStage, stageAt } from './stages.js';
import { Stepper } from './step.js';
import { epochOfBest, takeUp } from './take-up.js';
import { anchorTo, createTrainee, disposeTrainee, type Trainee } from './trainee.js';
import type { EpochRow, Reporter, TrainOptions, TrainSummary } from './types.js';
import { IN_FLIGHT, validate, validateByClass } from './validate.js';

/** Milliseconds between two reports of an epoch under way; each waits for the GPU once. */
const REPORT_INTERVAL = 500;

/** Where a training writes, whom it tells, and what stops it. */
export interface TrainContext {
  readonly run: RunFolder;
  readonly reporter: Reporter;
  /** Aborted: save after the step under way and return. */
  readonly signal: AbortSignal;
  /** Go on from the run's newest good state; the caller has compared options and data (run.ts). */
  readonly resume: boolean;
  /** Go back to this checkpoint of the run that is resumed; what it saved later is removed once it has saved a new state. */
  readonly from?: string | undefined;
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

/**
 * Trains a network by `options`, epoch by epoch with a validation after each, and writes the run's files: the state after
 * every epoch and at an interruption (last), further states where the options ask for them, the weights of the best epoch
 * (best), metrics and a summary with the test result of the best weights. The same options, data and adapter give the same
 * bits, in one sitting or several, however a sitting ended.
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
  } catch (error) {
    const { hasBegun, path } = context.run;
    const goOn = hasBegun ? `go on with: facegrad train --resume ${path}` : 'begin the run again';
    if (error instanceof OutOfGpuMemoryError) throw await training.advise(error);
    if (error instanceof DiskFullError) throw new Error(`${error.message}. Make room, then ${goOn}`, { cause: error });
    if (error instanceof DeviceLostError) throw new DeviceLostError(`${error.message}; ${goOn}`, { cause: error });
    throw error;
  } finally {
    training.dispose();
    await context.run.unlock();
  }
}

/** One sitting of a run: the network and its optimiser on the GPU, and where the run stands. */
class Training {
  readonly #setup: Setup;
  #trainee: Trainee;
  readonly #progress = new Progress();
  readonly #stepper: Stepper;
  readonly #saver: Saver;
  /** Where somebody wants to be told more than figures. */
  readonly #look: EpochLook | undefined;
  readonly #parameters: number;
  /** Values of the parameters that the run began from, where weights were given to it. */
  #origin: Origin | undefined;
  /** When the epoch under way was last reported, and its images then. */
  #reported = { time: 0, images: 0 };

  constructor(
    private readonly device: Device,
    private readonly data: DataSet,
    private readonly options: TrainOptions,
    private readonly context: TrainContext,
  ) {
    this.#setup = setUp(device, data, options);
    const { model, steps } = this.#setup;
    this.#parameters = countParameters(model);
    this.#trainee = createTrainee(device, model, Tensor.zeros([4]).keep(), options, 0, steps);
    this.#stepper = new Stepper(device, this.#setup, options);
    this.#saver = new Saver(context.run, options, steps);
    this.#look = context.reporter.looked && new EpochLook(device, data, this.#setup, options);
  }

  /** Writes a new run's config, or takes up the state of the one that is resumed. */
  async begin(): Promise<void> {
    const { run, reporter, resume, from, version, tune } = this.context;
    const { splits, weights, info, problems, warnings, images, steps } = this.#setup;
    const { train, val, test } = splits;
    const data = { name: titleOf(this.data), train: train.count, val: val.count, test: test.count };
    const adapter = adapterName(this.device);
    // What no kernel could bind is found before anything is written.
    this.device.bytesTakenBy(() => {
      this.#setup.rehearse(this.options.batchSize);
    });
    if (resume) await run.lock();
    const tuning = resume ? new Map(Object.entries(run.config.tuning ?? {})) : await tune?.(problems());
    if (tuning) this.device.tuning = tuning;
    const progress = this.#progress;
    if (resume) {
      const file = await this.#takeUp();
      await run.writeConfig({ ...run.config, options: this.options });
      // Of a run that goes back, the rows and states of what it had done remain until it has done more.
      if (from === undefined) {
        await run.writeMetrics(progress.history);
        const take = async () => (await this.#takeCheckpoint()).bytes;
        if (file !== undefined) await this.#saver.makeGood(progress.position(), file, take);
      }
    } else {
      const { classes, mean, std, imagenet } = info;
      const init = await this.#initialise();
      await run.lock();
      await run.begin({
        facegrad: version,
        created: new Date().toISOString(),
        options: this.options,
        data: { ...data, fingerprint: this.data.fingerprint },
        ...{ classes, mean, std, adapter },
        ...(imagenet ? { imagenet } : {}),
        ...(init ? { init } : {}),
        ...(tuning && tuning.size > 0 ? { tuning: Object.fromEntries(tuning) } : {}),
      });
    }
    for (const warning of warnings) reporter.note(`warning: ${warning}`);
    const lastEpoch = progress.history.at(-1);
    const weighed = weights && this.data.classes.map((name, k) => [name, weights.values[k]!] as const);
    reporter.start({
      model: this.options.model,
      parameters: this.#parameters,
      adapter,
      data,
      epochImages: images,
      ...(weighed ? { classWeights: Object.fromEntries(weighed) } : {}),
      options: this.options,
      runFolder: run.path,
      steps,
      ...(resume ? { resumedFrom: progress.epochs, resumedStep: progress.step } : {}),
      ...(lastEpoch ? { lastEpoch } : {}),
    });
  }

  /** Trains until the last epoch is done or the signal is aborted. */
  async run(): Promise<TrainSummary> {
    const progress = this.#progress;
    progress.startClock();
    this.#trainee.model.train();
    while (progress.epochs < this.options.epochs && !this.#trainee.earlyStopping?.stopped) {
      const stage = stageAt(this.options, progress.epochs);
      if (stage !== progress.stage) {
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

  /** A lack of GPU memory, with the size of batches that would fit. */
  async advise(lack: OutOfGpuMemoryError): Promise<OutOfGpuMemoryError> {
    const { batchSize, accumulate = 1 } = this.options;
    const { rehearse, leastBatch } = this.#setup;
    const fitting = await fittingBatch(this.device, lack, { least: leastBatch, below: batchSize }, rehearse);
    const advice = adviceOf(fitting);
    if (this.context.resume) {
      const where =
        'a resumed run keeps its batch size: go on once other programs leave more memory, or on another adapter';
      return lack.advising(`${where}. In a new run, ${advice}`);
    }
    const same = accumulation(batchSize * accumulate, fitting);
    const alike =
      same && `, or --batch-size ${same.batchSize} --accumulate ${same.accumulate} for as many images a step as before`;
    return lack.advising(`${advice}${alike ?? ''}`);
  }

  dispose(): void {
    this.#look?.forget();
    this.#setup.weights?.tensor.dispose();
    this.#trainee.totals.dispose();
    disposeTrainee(this.#trainee);
    this.#setup.model.dispose();
  }

  /**
   * Goes on from what the run has saved, and gives the file that it stands in; a run that was stopped before it had saved
   * anything begins again.
   */
  async #takeUp(): Promise<string | undefined> {
    const { run, reporter, from } = this.context;
    const note = (text: string) => {
      reporter.note(text);
    };
    const traineeOf = (stage: number) => {
      if (stage > 0) this.#enter(stage);
      return this.#trainee;
    };
    const state = await takeUp(run, from, traineeOf, note);
    if (!state) {
      await this.#initialise(run.config.init);
      return undefined;
    }
    this.#progress.restore(state);
    this.#anchor(state.origin);
    await this.#takeUpBest(note);
    return state.file;
  }

  /** Sees to it that the best weights are those of an epoch that the run has done, or will be. */
  async #takeUpBest(note: (text: string) => void): Promise<void> {
    const { run } = this.context;
    const progress = this.#progress;
    const { best, epochs, step, branch } = progress;
    if (best.epoch === 0) return;
    const epoch = await epochOfBest(run, note);
    const goesBack = branch?.epochs === epochs && branch.step === step;
    // They are those of the state itself: a kill came before they were written. On a branch the number alone tells nothing, and
    // where the run only now goes back, what it had done remains until it has done more.
    const areHere = best.epoch === epochs && step === 0 && (epoch === undefined || !goesBack);
    if (areHere && (epoch !== epochs || branch)) {
      await this.#saveBest(epochs);
      return;
    }
    if (epoch === best.epoch) return;
    if (epochs >= this.options.epochs) {
      throw new UserError(
        `${run.path} has lost its best weights, of epoch ${best.epoch}, and has no epochs left; ` +
          'go back with --from, or go on with a higher --epochs',
      );
    }
    progress.bestAfter = epochs;
    const lost = epoch === undefined ? 'are lost' : `were replaced by those of epoch ${epoch}`;
    note(`the best weights up to epoch ${epochs} ${lost}: the best epoch is chosen among those that follow`);
  }

  /** Begins from the weights of `--init`, if any; those that the run began from `before`, where it did. */
  async #initialise(before?: InitReport): Promise<InitReport | undefined> {
    const { init, initHead } = this.options;
    if (init === undefined) return undefined;
    const source = await readInit(init);
    if (before && before.fingerprint !== source.fingerprint) {
      throw new UserError(
        `--init ${source.file} is not what the run was begun from, and no state of the run was saved yet: begin a new run`,
      );
    }
    const { report, origin } = await initialise(this.#setup.model, source, this.data.classes, initHead === 'fresh');
    for (const line of initLines(report)) this.context.reporter.note(line);
    this.#anchor(origin);
    return report;
  }

  #anchor(origin: Origin | undefined): void {
    this.#origin = origin;
    this.#trainee = anchorTo(this.#trainee, this.options, origin);
  }

  /** Goes on with the weights as they are, and what the stage trains them with. */
  #enter(stage: number): void {
    const { model, totals } = this.#trainee;
    disposeTrainee(this.#trainee);
    this.#trainee = createTrainee(this.device, model, totals, this.options, stage, this.#setup.steps);
    this.#anchor(this.#origin);
    this.#progress.stage = stage;
  }

  /** The epoch under way from where it stands to its validation; false when the signal ended it before. */
  async #runEpoch(): Promise<boolean> {
    const { signal } = this.context;
    const { sampler, steps } = this.#setup;
    const progress = this.#progress;
    const epoch = progress.epochs + 1;
    const order = sampler.order(epoch);
    const before = progress.step;
    if (before === 0) this.device.clear(this.#trainee.totals.slice);
    this.#stepper.forget();
    this.#reported = { time: performance.now(), images: this.#imagesDone };
    while (progress.step < steps && !signal.aborted) {
      this.#stepper.run(this.#trainee, { epoch, order, step: progress.step });
      progress.step++;
      await this.device.settle(IN_FLIGHT);
      if (progress.step === steps) break;
      const save = this.#saver.isDue(progress);
      if (save || performance.now() - this.#reported.time >= REPORT_INTERVAL) await this.#report(order);
      if (save) await this.#save('step');
    }
    if (this.#imagesDone > this.#reported.images) await this.#report(order);
    progress.lap();
    const trainSeconds = progress.epochSeconds;
    // Now, since a run that stops before its validation is over keeps no gradients.
    if (progress.step === steps && before < steps) {
      this.#tell(epoch, await this.#look?.histograms(this.#trainee, epoch));
    }
    if (signal.aborted) return false;
    const validation = await this.#averaged(() => this.#validate(epoch));
    if (!validation) return false;
    if (this.#look?.wantsImages(epoch)) this.#tell(epoch, await this.#look.images(epoch, order));
    const [lossSum, correct, images] = await this.#trainee.totals.data();
    progress.lap();
    await this.#finishEpoch({
      epoch,
      // The last group's: that of the parameters which no pattern took.
      lr: this.#trainee.optimizer.groups.at(-1)!.lr,
      trainLoss: lossSum! / images!,
      trainAccuracy: correct! / images!,
      valLoss: validation.loss,
      valAccuracy: validation.accuracy,
      seconds: progress.epochSeconds,
      imagesPerSecond: this.#imagesDone / trainSeconds,
    });
    return true;
  }

  #tell(epoch: number, values: readonly SummaryValue[] = []): void {
    if (values.length > 0) this.context.reporter.looked?.(epoch, values);
  }

  /** Loss and accuracy on the validation split; undefined when the signal ended it before. */
  async #validate(epoch: number): Promise<{ loss: number; accuracy: number } | undefined> {
    const { batches, splits } = this.#setup;
    const { model } = this.#trainee;
    const look = this.#look?.wantsImages(epoch) ? this.#look : undefined;
    const collect = (logits: Tensor) => look?.collect(logits);
    const result = await validate(this.device, model, batches.val, splits.val.count, this.context.signal, collect);
    if (!result || Number.isFinite(result.loss)) return result;
    const order = inOrder(splits.val.count);
    const culprit = await firstBadTensorOf(model, batches.val.count, index => batches.val.load(order, index).x);
    const { epochs, step } = this.#progress;
    throw await this.#fault(
      `the validation loss is not finite after step ${step} of epoch ${epochs + 1}`,
      culprit ?? 'the loss itself',
    );
  }

  /** Reads the epoch's totals and tells them; a loss that was not finite ends the run here. */
  async #report(order: Uint32Array): Promise<void> {
    const [lossSum, correct, images, bad] = await this.#trainee.totals.data();
    if (bad! > 0) throw await this.#nonFinite(order, bad!);
    this.#stepper.forget();
    const now = performance.now();
    const done = this.#imagesDone;
    const rate = (done - this.#reported.images) / ((now - this.#reported.time) / 1000);
    this.#reported = { time: now, images: done };
    const { epochs } = this.options;
    const { epochs: finished, step } = this.#progress;
    this.context.reporter.step({
      ...{ epoch: finished + 1, epochs, step, steps: this.#setup.steps, images: done },
      ...{ loss: lossSum! / images!, accuracy: correct! / images! },
      ...{ imagesPerSecond: rate, secondsLeft: ((epochs - finished) * this.#setup.images - done) / rate },
    });
  }

  /** Runs `fn` on the weights that are evaluated: their moving average, where the run keeps one. */
  #averaged<T>(fn: () => Promise<T>): Promise<T> {
    const { average } = this.#trainee;
    return average ? average.inPlace(fn) : fn();
  }

  async #finishEpoch(row: EpochRow): Promise<void> {
    const isBest = this.#progress.finishEpoch(row);
    const { schedule, watched, earlyStopping } = this.#trainee;
    schedule?.epochDone(watchedValue(row, watched));
    earlyStopping?.epochDone(watchedValue(row, earlyStopping.options.metric));
    // The state first, which is looked at before it is written. Were the run killed between the two, it would make the best
    // weights from it.
    await this.#save();
    if (isBest) await this.#saveBest(row.epoch);
    this.context.reporter.epoch(row, isBest);
  }

  async #saveBest(epoch: number): Promise<void> {
    const state = await this.#averaged(() => this.#trainee.model.stateDict());
    const { run } = this.context;
    await saveWeights(run.best, state, { ...this.#setup.info, epoch }, run.mayAppear);
  }

  /** Saves where the run stands: what it goes on from, or one of the checkpoints in the midst of an epoch. */
  async #save(what: 'last' | 'step' = 'last'): Promise<void> {
    const { run, reporter } = this.context;
    this.#progress.lap();
    const position = this.#progress.position();
    const { bytes, bad } = await this.#takeCheckpoint();
    if (bad !== undefined) throw await this.#fault(`the state ${describePlace(position)} is not finite`, bad);
    // That of a sitting which came further, before the run went back: with it, the run would look finished.
    if (position.branch) await run.removeSummary();
    const files = await (what === 'last'
      ? this.#saver.saveLast(position, bytes)
      : this.#saver.saveStep(position, bytes));
    if (what === 'last') await run.writeMetrics(this.#progress.history);
    for (const file of files) reporter.saved(file);
  }

  #takeCheckpoint(): Promise<Checkpoint> {
    const position = this.#progress.position();
    return takeCheckpoint(this.#trainee, position, { ...this.#setup.info, epoch: position.epochs });
  }

  /** Writes the summary, with the best weights' result on the test split where the run is complete. */
  async #summarise(interrupted: boolean): Promise<TrainSummary> {
    const { run } = this.context;
    const { epochs, best, seconds, meanRate } = this.#progress;
    const finished = best.epoch > 0;
    const summary: TrainSummary = {
      model: this.options.model,
      data: titleOf(this.data),
      parameters: this.#parameters,
      classes: [...this.data.classes],
      epochs,
      bestEpoch: best.epoch,
      ...(finished ? { bestValAccuracy: best.valAccuracy, bestValLoss: best.valLoss } : {}),
      seconds,
      imagesPerSecond: meanRate,
      adapter: adapterName(this.device),
      runFolder: run.path,
      interrupted,
      ...(this.#trainee.earlyStopping?.stopped && epochs < this.options.epochs ? { stoppedEarly: true } : {}),
    };
    if (!interrupted && finished) {
      const { model } = this.#trainee;
      model.loadStateDict((await loadWeights(run.best)).state);
      const { splits, batches } = this.#setup;
      const on = (split: 'val' | 'test') =>
        validateByClass(this.device, model, batches[split], splits[split], this.data.classes);
      summary.bestValRecall = (await on('val')).recall;
      if (splits.test.count > 0) {
        const { loss, accuracy, recall } = await on('test');
        Object.assign(summary, { testLoss: loss, testAccuracy: accuracy, testRecall: recall });
      }
    }
    // Before the summary: with that, the run is not gone on with.
    if (!interrupted) await run.removePrevious();
    await run.writeSummary(summary);
    return summary;
  }

  /** The error of a loss that was not finite `bad` batches ago, that one included. */
  async #nonFinite(order: Uint32Array, bad: number): Promise<Error> {
    const { epochs, step: done } = this.#progress;
    const place = { epoch: epochs + 1, order, step: done };
    const { step, lr, culprit = 'the loss itself' } = await this.#stepper.diagnose(this.#trainee, place, bad);
    return this.#fault(`the loss is not finite at epoch ${epochs + 1}, step ${step}`, culprit, lr);
  }

  /** The error of something that is not finite, with what can be done about it. */
  async #fault(what: string, culprit: string, lr = this.#trainee.optimizer.lr): Promise<Error> {
    const { run } = this.context;
    const [newest] = (await run.candidates()).files;
    const precision = this.#trainee.scaler ? ' or --precision f32' : '';
    const remedy = `begin a new run with a smaller --lr${precision}`;
    const saved =
      newest === undefined
        ? `${remedy}; nothing was saved before`
        : `${newest} holds the state ${describePlace(await readPlace(newest))}: --resume goes on from it with the same options; ` +
          `or ${remedy}, with --init ${newest} from these weights`;
    return new Error(
      `${what}: the first bad tensor is ${culprit}. The learning rate was ${lr}. ${capitalised(saved)}.`,
    );
  }

  /** Of the epoch under way. */
  get #imagesDone(): number {
    const { accumulate = 1, batchSize } = this.options;
    return Math.min(this.#progress.step * accumulate * batchSize, this.#setup.images);
  }
}

function watchedValue(row: EpochRow, watched: Watched): number {
  return watched === 'loss' ? row.valLoss : row.valAccuracy;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
