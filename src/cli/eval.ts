import { Command, Option } from 'commander';
import { SPLIT_NAMES, titleOf, type SplitName } from '../data/dataset.js';
import type { Trained, TrainedOverrides } from '../evaluate/trained.js';
import type { Precision } from '../gpu/matrices.js';
import { UserError } from '../util/errors.js';
import { augmentOption } from './augment-option.js';
import { parseClasses } from './classes.js';
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
    .option('--model <name>', 'with --weights; those of facegrad know theirs')
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

async function runEvaluation(flags: Flags): Promise<void> {
  const { findModel } = await import('./find-model.js');
  if (flags.model !== undefined) findModel({ model: flags.model });
  const trained = await readTrained(flags);
  findModel(trained.model);
  const source = flags.data ?? trained.run?.config.options.data;
  if (source === undefined) throw new UserError('--weights needs --data <path>, or --data synthetic');
  const { loadOptionsFor, openDeviceFor, placeNetwork } = await import('../evaluate/trained.js');
  const { readAugment } = await import('../data/augment/read.js');
  const given: TrainedOverrides = {
    ...{ mean: flags.mean, std: flags.std },
    augment: flags.augment === undefined ? undefined : await readAugment(flags.augment),
  };
  const { loadDataVisibly } = await import('./load-data.js');
  const data = await loadDataVisibly(source, flags.exclude, {
    ...loadOptionsFor(trained, given),
    // Other data have options of their own.
    ...(flags.data === undefined && trained.run ? await dataFlagsOf(trained.run.config.options) : {}),
    ...(await dataFlagsOf(flags)),
  });
  const split = data.splits[flags.split];
  if (split.count === 0) throw new UserError(`${data.name} has no ${flags.split} images`);
  const { matchClasses } = await import('../evaluate/classes.js');
  const names = matchClasses(flags.classes, trained.known?.classes, data.classes);

  const { evaluate } = await import('../evaluate/evaluate.js');
  const { classificationReport, confusionMatrix } = await import('../evaluate/metrics/index.js');
  const { evaluationLines } = await import('./report/evaluation.js');
  const { ampProblem } = await import('../gpu/matrices.js');
  const device = await openDeviceFor(trained, flags);
  const problem = (flags.precision ?? trained.precision) === 'amp' ? ampProblem(device) : undefined;
  if (problem !== undefined) console.error(`facegrad: ${problem}`);
  const status = new StatusLine();
  try {
    const { model, normalisation, augmenter } = placeNetwork(device, trained, data, given);
    const { count, loss, accuracy, labels, predictions } = await evaluate(device, model, data, split, {
      ...normalisation,
      augmenter,
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
      ...{ model: trained.model.model, data: titleOf(data), split: flags.split },
      ...{ count, loss, accuracy, confusion, perClass },
      ...(device.matrices ? { precision: 'amp' } : {}),
    };
    console.log(flags.json ? JSON.stringify(result) : evaluationLines(result, report).join('\n'));
  } finally {
    status.clear();
    device.destroy();
  }
}

async function readTrained(flags: Flags): Promise<Trained> {
  const { run, model, weights, inputSize, se, activation } = flags;
  const { readTrainedRun, readTrainedWeights } = await import('../evaluate/trained.js');
  if (run !== undefined) {
    if (model !== undefined || weights !== undefined) {
      throw new UserError('--run brings its own model and weights: leave out --model and --weights');
    }
    if (inputSize !== undefined || se || activation !== undefined) {
      throw new UserError('--run brings its own network: leave out --input-size, --se and --activation');
    }
    return readTrainedRun(run);
  }
  if (weights === undefined) {
    throw new UserError(
      model === undefined ? 'eval needs --run <folder>, or --weights <file>' : '--model needs --weights <file>',
    );
  }
  return readTrainedWeights(weights, {
    ...(model === undefined ? {} : { model }),
    ...(inputSize === undefined ? {} : { inputSize }),
    ...(se ? { se } : {}),
    ...(activation === undefined ? {} : { activation }),
  });
}
