import { resolve } from 'node:path';
import { Command, Option } from 'commander';
import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';
import { addDataOptions } from './data-options.js';
import { exitCodes } from './errors.js';
import { augmentOption } from './augment-option.js';
import { activationOption, dropoutOption, inputSizeOption, seOption } from './model-options.js';
import { addOptimisationOptions } from './optimisation-options.js';
import {
  addGpuOptions,
  addNormalisationOptions,
  collect,
  dataDescription,
  excludeOption,
  integer,
  precisionOption,
  type GpuOptions,
} from './options.js';
import { addQueueOptions, isQueued, type QueueFlags } from './queue/options.js';
import { Interruption } from './signals.js';
import { classWeightsOption, samplerOption } from './sampling-options.js';
import { DEFAULT_KEEP, trainDefaults } from '../train/defaults.js';
import { addFreezeOptions, addInitOptions, addJointOptions, jointOf, type JointFlags } from './transfer-options.js';
import { packageVersion } from './version.js';

type Flags = Omit<Partial<TrainOptions>, 'model' | 'augment'> &
  GpuOptions &
  QueueFlags &
  JointFlags & {
    augment?: string;
    autotune?: boolean;
    tensorboard: boolean;
    out?: string;
    resume?: string;
    from?: string;
    force?: true;
    json?: true;
    recipe?: string;
    set?: string[];
    folds?: number;
    repeats?: number;
  };

export function trainCommand(exitWith: (code: number) => void): Command {
  const defaults = trainDefaults;
  const command = new Command('train')
    .summary('train a network')
    .description(
      'Train a network. Ctrl-C saves and stops; --resume goes on, with the result of a run that never stopped. ' +
        '`facegrad models` lists the models, `facegrad recipes` whole experiments.',
    )
    .argument('[model]', 'what to train; not needed with --recipe and --resume')
    .option(
      '--recipe <name>',
      'train by a recipe: the name of one, or a .yaml file; options given beside it replace its own',
    )
    .option(
      '--set <field=value>',
      'change a field of the recipe, such as optimizer.lr=0.01; may be given several times',
      collect,
    )
    .option('--data <path>', dataDescription)
    .addOption(
      inputSizeOption("side of the square images that the model gets; the data's are resized (default: the model's)"),
    )
    .addOption(dropoutOption())
    .addOption(seOption())
    .addOption(activationOption())
    .option('--epochs <n>', `passes over the training split (default: ${defaults.epochs})`, integer(1))
    .option('--batch-size <n>', `images of one step (default: ${defaults.batchSize})`, integer(1, 65_536));
  addOptimisationOptions(command, defaults)
    .option('--seed <n>', `of weights, order and dropout (default: ${defaults.seed})`, integer(0, 0xffff_ffff))
    .addOption(samplerOption(defaults.sampler))
    .addOption(classWeightsOption(defaults.classWeights))
    .addOption(excludeOption())
    .addOption(augmentOption('what is done to training images (default: nothing)'))
    .option('--limit <n>', 'use at most n images of each split', integer(1))
    .addOption(precisionOption());
  addNormalisationOptions(command, "ImageNet's for models of three channels, else the training split's")
    .option(
      '--folds <k>',
      'k-fold cross-validation: k runs, each validated on another k-th of the images',
      integer(2, 1000),
    )
    .option(
      '--repeats <n>',
      'n runs, from --seed and the seeds after it; mean, deviation and interval',
      integer(2, 1000),
    )
    .option('--out <folder>', 'run folder (default: runs/<model>-<time>)')
    .option('--force', 'replace the run that --out holds')
    .option('--save-every-steps <n>', 'save the state after every n steps of the run, beside the last one', integer(1))
    .option('--save-every-epochs <n>', 'save the state after every n epochs, likewise', integer(1))
    .option('--keep <n>', `checkpoints to keep, of either kind (default: ${DEFAULT_KEEP})`, integer(1))
    .option('--resume <run>', 'continue the run in that folder; it keeps its options, only --epochs can be raised')
    .option('--from <checkpoint>', 'with --resume: go back to one of the checkpoints of the run, such as epoch-0005')
    .option(
      '--autotune',
      'look for faster kernels for a second also on a software adapter, whose kernels are slow to compile',
    )
    .option('--no-autotune', 'take the table of default kernels, and look for no faster ones')
    .addOption(
      logOption(
        '--log-histograms',
        'tell TensorBoard the distributions of weights and gradients after every n epochs',
        50,
      ),
    )
    .addOption(logOption('--log-images', 'likewise sample images, what is said of them, and the confusion matrix', 10))
    .option('--no-tensorboard', 'write no events for TensorBoard into the run folder')
    .option('--json', 'JSON lines on standard output: {"event": "start" | "step" | "epoch" | "saved" | "summary", …}');
  addDataOptions(command);
  addInitOptions(command);
  addFreezeOptions(command);
  addJointOptions(command);
  addGpuOptions(command);
  addQueueOptions(command, 'folds or repeats');
  command.addHelpText(
    'after',
    `
Examples:
  facegrad train simple-cnn --data synthetic --epochs 4 --out runs/first
  facegrad train --resume runs/first --epochs 8
  facegrad train --recipe system-a/mini-resnet --data fer2013.csv
  facegrad train mini-resnet --data fer2013.csv --augment system-b --folds 5
  facegrad train gap-cnn --data fer2013.csv --log-images --log-histograms 5`,
  );
  return command.action(async (model: string | undefined, flags: Flags) => {
    exitWith(await runTraining(model, flags));
  });
}

/** An option that says after how many epochs, or lets the run choose so that it has `most` at most. */
function logOption(name: string, what: string, most: number): Option {
  const whole = integer(1);
  return new Option(`${name} [n]`, `${what} (default of n: so that a run has ${most} at most)`)
    .preset('auto')
    .argParser(text => (text === 'auto' ? text : whole(text)));
}

/** Gives the exit code. */
async function runTraining(model: string | undefined, flags: Flags): Promise<number> {
  const { recipe: named, set, augment, out, resume, from, force, json, ...others } = flags;
  const { autotune, tensorboard, adapter, backend, folds, repeats, jointData, jointShare, jointMapLabels, ...more } =
    others;
  const { queue, queueCa, store, ...rest } = more;
  const queueFlags = {
    ...(queue === undefined ? {} : { queue }),
    ...(queueCa === undefined ? {} : { queueCa }),
    ...(store === undefined ? {} : { store }),
  };
  const given: Partial<TrainOptions> = { ...rest, ...jointOf({ jointData, jointShare, jointMapLabels }) };
  if (model !== undefined) given.model = model;
  // The run may be resumed from another folder.
  if (given.data !== undefined && given.data !== 'synthetic') given.data = resolve(given.data);
  if (given.labels !== undefined) given.labels = resolve(given.labels);
  if (given.exclude !== undefined) given.exclude = resolve(given.exclude);
  if (given.init !== undefined) given.init = resolve(given.init);
  if (augment !== undefined) given.augment = await (await import('../data/augment/read.js')).readAugment(augment);
  if (resume !== undefined && (out !== undefined || force)) {
    throw new UserError('--resume goes on in the folder of the run: leave out --out and --force');
  }
  if (from !== undefined && resume === undefined) {
    throw new UserError('--from goes back to a checkpoint of a run: name the run with --resume');
  }
  if (resume !== undefined && autotune !== undefined) {
    throw new UserError(`a resumed run keeps its kernels: leave out --${autotune ? '' : 'no-'}autotune`);
  }
  if (resume !== undefined && (named !== undefined || set !== undefined)) {
    throw new UserError('a resumed run keeps its recipe: leave out --recipe and --set');
  }
  if (set !== undefined && named === undefined) {
    throw new UserError('--set changes a field of a recipe: name one with --recipe');
  }
  if (!tensorboard && (given.logHistograms ?? given.logImages) !== undefined) {
    throw new UserError('--log-histograms and --log-images tell TensorBoard: leave out --no-tensorboard');
  }
  const settings = {
    ...{ adapter, backend, autotune, tensorboard, json: json ?? false },
    queue: isQueued(queueFlags) ? queueFlags : undefined,
  };
  const { beginSeries, resumeSeries, seriesAsked } = await import('./train-series.js');
  const series = seriesAsked({ folds, repeats }, { resume, force });
  const seriesCode = resume === undefined ? undefined : await resumeSeries(resume, given, from, settings);
  if (seriesCode !== undefined) return seriesCode;
  if (settings.queue && !series) {
    throw new UserError('--queue leaves several runs to workers: give --folds or --repeats, or --resume such a series');
  }
  const { RunFolder, defaultRunPath, problemWarning } = await import('../train/run.js');
  const { requireSameData, resumedOptions } = await import('../train/resumed-options.js');
  const resumed = resume === undefined ? undefined : await RunFolder.open(resume);
  await resumed?.requireFree();
  const checkpoint = from === undefined ? undefined : await resumed?.findCheckpoint(from);
  if (resumed && given.scheduler !== undefined) {
    const { resolveScheduler } = await import('../train/schedulers/index.js');
    given.scheduler = resolveScheduler(given.scheduler, resumed.config.options.epochs);
  }
  const { newOptions } = await import('../train/new-options.js');
  const recipes = named === undefined ? undefined : await import('../train/recipes/index.js');
  const recipe = named === undefined ? undefined : await recipes?.readRecipe(named, set);
  const moved: { jointData?: string | undefined } = {};
  if (resumed && jointShare === undefined && jointMapLabels === undefined) {
    // By itself it says where the run's second data set is now.
    moved.jointData = given.joint?.data;
    delete given.joint;
  }
  const options = resumed ? resumedOptions(resumed.config, given, moved) : newOptions({ ...recipe?.options, ...given });
  const { findModel } = await import('./find-model.js');
  findModel(options);
  if (series) return beginSeries({ ...series, out, options, about: recipe?.about }, settings);
  const run =
    resumed ??
    (await RunFolder.create(out ?? (await defaultRunPath(options.model)), {
      force: force ?? false,
      recipe:
        recipe &&
        recipes?.recipeText(options, { about: recipe.about, comment: `${recipe.name}, as this run follows it.` }),
    }));

  const { chooseReporter } = await import('./report/choose.js');
  const past = await resumed?.past();
  const reporter = chooseReporter(json ?? false, past?.history ?? []);
  for (const problem of past?.problems ?? []) reporter.note(problemWarning(problem));
  const before = checkpoint === undefined ? past?.summary : undefined;
  if (before && !before.interrupted && (before.stoppedEarly || before.epochs >= options.epochs)) {
    reporter.note(
      before.stoppedEarly
        ? `${run.path} stopped early, after ${before.epochs} epochs; a new run without --early-stop goes further`
        : `${run.path} has finished its ${before.epochs} epochs; a higher --epochs goes on from there`,
    );
    reporter.end(before);
    return exitCodes.success;
  }

  const { loadRunDataVisibly } = await import('./load-data.js');
  const data = await loadRunDataVisibly(options);
  if (resumed) requireSameData(resumed.config, data.fingerprint, options.data);
  const { trainRun } = await import('../train/train-run.js');
  const interruption = new Interruption(() => {
    reporter.note('stopping after this step and saving; once more stops at once, without saving');
  });
  try {
    await trainRun(data, options, {
      ...{ run, reporter, adapter, backend, autotune, tensorboard },
      signal: interruption.signal,
      resume: resumed !== undefined,
      from: checkpoint,
      version: packageVersion(),
    });
    return interruption.exitCode ?? exitCodes.success;
  } finally {
    interruption.dispose();
    reporter.dispose();
  }
}
