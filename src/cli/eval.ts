import { Command, Option } from 'commander';
import type { AugmentSpec } from '../data/augment/transforms.js';
import { SPLIT_NAMES, titleOf, type SplitName } from '../data/dataset.js';
import type { DataOptions } from '../data/options.js';
import type { Precision } from '../gpu/matrices.js';
import type { ModelChoice } from '../train/model.js';
import { UserError } from '../util/errors.js';
import { augmentOption } from './augment-option.js';
import { matchClasses, parseClasses } from './classes.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from './data-options.js';
import { activationOption, inputSizeOption, seOption } from './model-options.js';
import {
  addGpuOptions,
  addNormalisationOptions,
  dataDescription,
  excludeOption,
  integer,
  jsonDescription,
  oneOf,
  precisionOption,
  type GpuOptions,
} from './options.js';
import type { Evaluation } from './report/evaluation.js';
import { StatusLine } from './status-line.js';

interface Flags extends GpuOptions, DataFlags {
  run?: string;
  model?: string;
  weights?: string;
  inputSize?: number;
  se?: true;
  activation?: 'relu' | 'sigmoid';
  data?: string;
  exclude?: string;
  augment?: string;
  split: SplitName;
  classes?: number | string[];
  mean?: number[];
  std?: number[];
  batchSize: number;
  precision?: Precision;
  json?: true;
}

export function evalCommand(): Command {
  const command = new Command('eval')
    .summary('evaluate a network')
    .description(
      'Evaluate the best weights of a run, or weights from a file: loss, accuracy, confusion matrix and the scores of ' +
        'each class.',
    )
    .option('--run <folder>', 'a run of facegrad train; brings its model, weights, data and normalisation')
    .option('--model <name>', 'with --weights')
    .option('--weights <file>', "safetensors with PyTorch's names")
    .addOption(
      inputSizeOption("side of the square images that the model gets (default: the weights' own, else the model's)"),
    )
    .addOption(seOption())
    .addOption(activationOption())
    .option('--data <path>', `${dataDescription} (default: the data of --run)`)
    .addOption(
      new Option('--split <name>', 'which images').choices(SPLIT_NAMES).argParser(oneOf(SPLIT_NAMES)).default('val'),
    )
    .addOption(excludeOption())
    .addOption(augmentOption('whose resizes and crops, but nothing random, images get (default: that of --run)'))
    .option('--classes <which>', 'classes of the weights: how many, or their names between commas', parseClasses)
    .option('--batch-size <n>', 'images at a time', integer(1, 65_536), 64)
    .addOption(precisionOption('that of --run, else f32'));
  addDataOptions(command, '--shares');
  addNormalisationOptions(command, "the weights' own, else the training split's").option('--json', jsonDescription);
  addGpuOptions(command);
  return command.action(runEvaluation);
}

/** Model, weights and what belongs to them. */
interface Subject {
  model: ModelChoice;
  weights: string;
  data: string;
  dataOptions: DataOptions;
  /** Of whose resizes and crops images are made. */
  augment: AugmentSpec | undefined;
  /** What the run was trained and validated in. */
  precision: Precision | undefined;
  /** What `config.json` knows of the weights; else they say it themselves, where facegrad wrote them. */
  trained:
    | { classes: string[]; mean: number[]; std: number[]; imagenet?: boolean; tuning?: Record<string, string> }
    | undefined;
}

async function runEvaluation(flags: Flags): Promise<void> {
  const subject = await findSubject(flags);
  const { findModel } = await import('./find-model.js');
  findModel(subject.model);
  const { loadWeights } = await import('../train/checkpoint.js');
  const { state, info } = await loadWeights(subject.weights);
  const { createModel, definitionOf, modelChoice, takesImageNet } = await import('../train/model.js');
  // Weights that facegrad wrote know how their network was built; what is given goes first.
  const own = info?.model === subject.model.model ? modelChoice(info) : {};
  const choice = { ...own, ...subject.model };
  const definition = definitionOf(choice);
  const trained = subject.trained ?? info;
  const imagenet = takesImageNet(definition, flags) && (trained ? trained.imagenet === true : true);
  const { loadDataVisibly, packSize } = await import('./load-data.js');
  const { readAugment } = await import('../data/augment/read.js');
  const spec = flags.augment === undefined ? subject.augment : await readAugment(flags.augment);
  const data = await loadDataVisibly(subject.data, flags.exclude, {
    // A network that does not convert its input was trained on as many channels as it has means.
    ...(trained && !imagenet ? { channels: trained.mean.length === 1 ? 1 : 3 } : {}),
    ...(info?.equalize ? { equalize: true } : {}),
    inputSize: packSize(choice.inputSize ?? definition.size, spec !== undefined),
    ...subject.dataOptions,
  });
  const split = data.splits[flags.split];
  if (split.count === 0) throw new UserError(`${data.name} has no ${flags.split} images`);
  const names = matchClasses(flags.classes, trained?.classes, data.classes);
  const { normalisationOf } = await import('../train/normalisation.js');
  const normalisation = normalisationOf({ ...trained, ...flags, imagenet }, data, data.splits.train);

  const { openDevice } = await import('../gpu/node.js');
  const { setDefaultDevice } = await import('../tensor/index.js');
  const { evaluate } = await import('../evaluate/evaluate.js');
  const { classificationReport, confusionMatrix } = await import('../evaluate/metrics.js');
  const { evaluationLines } = await import('./report/evaluation.js');
  const { ampProblem } = await import('../gpu/matrices.js');
  // As in the run's own validation.
  const precision = flags.precision ?? subject.precision;
  const device = await openDevice({ ...flags, precision });
  device.tuning = new Map(Object.entries(subject.trained?.tuning ?? {}));
  const problem = precision === 'amp' ? ampProblem(device) : undefined;
  if (problem !== undefined) console.error(`facegrad: ${problem}`);
  const status = new StatusLine();
  try {
    setDefaultDevice(device);
    const { init } = await import('../nn/index.js');
    const { augmentersFor } = await import('../data/augment/augmenter.js');
    const augment = augmentersFor(spec, data, normalisation);
    const shown = { ...data, ...augment.output };
    const model = init.withoutValues(() => createModel(choice, shown, names.length, imagenet));
    try {
      model.loadStateDict(state);
    } catch (error) {
      throw error instanceof UserError ? new UserError(`${subject.weights}: ${error.message}`) : error;
    }
    const { count, loss, accuracy, labels, predictions } = await evaluate(device, model, data, split, {
      ...normalisation,
      augmenter: augment.test,
      batchSize: flags.batchSize,
      onProgress: fraction => {
        status.update('evaluating', fraction);
      },
    });
    status.clear();
    const confusion = confusionMatrix(labels, predictions, names.length);
    const report = classificationReport(confusion);
    const perClass = report.perClass.map((scores, i) => ({ name: names[i]!, ...scores }));
    const result: Evaluation = {
      ...{ model: choice.model, data: titleOf(data), split: flags.split },
      ...{ count, loss, accuracy, confusion, perClass },
      ...(device.matrices ? { precision: 'amp' } : {}),
    };
    console.log(flags.json ? JSON.stringify(result) : evaluationLines(result, report).join('\n'));
  } finally {
    status.clear();
    device.destroy();
  }
}

async function findSubject(flags: Flags): Promise<Subject> {
  const { run, model, weights, inputSize, se, activation, data } = flags;
  const dataOptions = await dataFlagsOf(flags);
  if (run !== undefined) {
    if (model !== undefined || weights !== undefined) {
      throw new UserError('--run brings its own model and weights: leave out --model and --weights');
    }
    if (inputSize !== undefined || se || activation !== undefined) {
      throw new UserError('--run brings its own network: leave out --input-size, --se and --activation');
    }
    const { RunFolder } = await import('../train/run.js');
    const { modelChoice } = await import('../train/model.js');
    const folder = await RunFolder.open(run);
    if (!(await folder.hasBest())) throw new UserError(`${run} has no best weights yet: no epoch was finished`);
    const { config, best } = folder;
    return {
      model: modelChoice(config.options),
      weights: best,
      data: data ?? config.options.data,
      // Other data have options of their own.
      dataOptions: data === undefined ? { ...(await dataFlagsOf(config.options)), ...dataOptions } : dataOptions,
      augment: config.options.augment,
      precision: config.options.precision,
      trained: config,
    };
  }
  if (model === undefined && weights === undefined) {
    throw new UserError('eval needs --run <folder>, or --model <name> and --weights <file>');
  }
  if (model === undefined) throw new UserError('--weights needs --model <name>; `facegrad models` lists them');
  if (weights === undefined) throw new UserError('--model needs --weights <file>');
  if (data === undefined) throw new UserError('--weights needs --data <path>, or --data synthetic');
  const choice: ModelChoice = { model };
  if (inputSize !== undefined) choice.inputSize = inputSize;
  if (se) choice.se = se;
  if (activation !== undefined) choice.activation = activation;
  return { model: choice, weights, data, dataOptions, augment: undefined, precision: undefined, trained: undefined };
}
