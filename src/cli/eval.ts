import { Command, Option } from 'commander';
import { SPLIT_NAMES, type DataSet, type SplitName } from '../data/dataset.js';
import type { DataOptions } from '../data/options.js';
import type { NamedPredictions } from '../evaluate/compare.js';
import type { DuplicateKind } from '../evaluate/errors/duplicates.js';
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
  votes?: string;
  against?: string[];
  duplicates: DuplicateKind;
  resamples: number;
  json?: true;
}

// Of src/evaluate/errors/duplicates.ts, which is not loaded for a help text.
const duplicateKinds = ['none', 'identical', 'near'] as const satisfies readonly DuplicateKind[];

export function evalCommand(): Command {
  const command = new Command('eval')
    .summary('evaluate a network')
    .description(
      'Evaluate the best weights of a run, or weights from a file: the usual metrics with 95 % intervals, confusion ' +
        'matrix and scores of each class, and where the network goes wrong. --json has all of it, curves too.',
    )
    .option('--run <folder>', 'a run of facegrad train; brings its model, weights, data and normalisation')
    .option('--model <name>', 'with --weights; those of facegrad know theirs')
    .option('--weights <file>', "safetensors, or PyTorch's .pth, with the names of PyTorch or timm")
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
    .addOption(precisionOption('that of --run, else f32'))
    .option('--votes <file>', "fer2013new.csv: compare with FER+'s annotators (default: --labels, where it is given)")
    .addOption(
      new Option('--duplicates <which>', 'what counts as the same image on the de-duplicated split')
        .choices(duplicateKinds)
        .argParser(oneOf(duplicateKinds))
        .default('near'),
    )
    .option('--against <run...>', "other runs to compare with on the same images, by McNemar's test")
    .option('--resamples <n>', 'of the bootstrap that finds the intervals', integer(100, 100_000), 1000);
  addDataOptions(command, '--shares');
  addNormalisationOptions(command, "the weights' own, else the training split's").option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad eval --run runs/a --split test
  facegrad eval --run runs/a --split test --against runs/b runs/c
  facegrad eval --run runs/a --split test --votes fer2013new.csv --json
  facegrad eval --weights best.safetensors --data fer2013.csv --split test`,
  );
  return command.action(runEvaluation);
}

async function runEvaluation(flags: Flags): Promise<void> {
  const { findModel } = await import('./find-model.js');
  if (flags.model !== undefined) findModel({ model: flags.model });
  const trained = await readTrained(flags);
  findModel(trained.model);
  const path = flags.data ?? trained.run?.config.options.data;
  if (path === undefined) throw new UserError('--weights needs --data <path>, or --data synthetic');
  const { readTrainedRun } = await import('../evaluate/trained.js');
  const others: [string, Trained][] = [];
  for (const run of flags.against ?? []) others.push([run, await readTrainedRun(run)]);
  const { readAugment } = await import('../data/augment/read.js');
  const given: TrainedOverrides = {
    ...{ mean: flags.mean, std: flags.std },
    augment: flags.augment === undefined ? undefined : await readAugment(flags.augment),
  };
  const source = {
    path,
    options: {
      // Other data have options of their own.
      ...(flags.data === undefined && trained.run ? await dataFlagsOf(trained.run.config.options) : {}),
      ...(await dataFlagsOf(flags)),
    },
  };
  const { assess } = await import('../evaluate/assess.js');
  const { compareWith } = await import('../evaluate/compare.js');
  const { readVotes } = await import('../data/labels/votes.js');
  const { evaluationLines } = await import('./report/evaluation.js');
  const { data, names } = await load(trained, source, flags, given);
  const votesFile = flags.votes ?? source.options.labels;
  const votes = votesFile === undefined ? undefined : await readVotes(votesFile, data, flags.split);
  const { predictions, mixed } = await predict(trained, data, flags, given);
  const bootstrap = { resamples: flags.resamples };
  const status = new StatusLine();
  const assessment = assess(predictions, data, flags.split, {
    ...{ classes: names, bootstrap, votes, duplicates: flags.duplicates },
    onProgress: (fraction, text) => {
      status.update(text, fraction);
    },
  });
  status.clear();
  const compared: NamedPredictions[] = [];
  for (const [name, other] of others) {
    const { data } = await load(other, source, flags, {});
    compared.push({ name, predictions: (await predict(other, data, flags, {})).predictions });
  }
  const self = { name: flags.run ?? trained.file, predictions };
  const result: Evaluation = {
    model: trained.model.model,
    ...assessment,
    ...(compared.length > 0 ? { comparisons: compareWith(self, compared, bootstrap) } : {}),
    ...(mixed ? { precision: 'amp' } : {}),
  };
  console.log(flags.json ? JSON.stringify(result) : evaluationLines(result).join('\n'));
}

/** The images of `source` as a network was trained on them, and what it calls their classes. */
async function load(
  trained: Trained,
  source: { path: string; options: DataOptions },
  flags: Flags,
  given: TrainedOverrides,
): Promise<{ data: DataSet; names: readonly string[] }> {
  const { loadOptionsFor } = await import('../evaluate/trained.js');
  const { loadDataVisibly } = await import('./load-data.js');
  const loadOptions = { ...loadOptionsFor(trained, given), ...source.options };
  const data = await loadDataVisibly(source.path, flags.exclude, loadOptions);
  if (data.splits[flags.split].count === 0) throw new UserError(`${data.name} has no ${flags.split} images`);
  const { matchClasses } = await import('../evaluate/classes.js');
  return { data, names: matchClasses(flags.classes, trained.known?.classes, data.classes) };
}

/** What a network answers on the chosen split, and whether it was computed in mixed precision. */
async function predict(trained: Trained, data: DataSet, flags: Flags, given: TrainedOverrides) {
  const { openDeviceFor, placeNetwork } = await import('../evaluate/trained.js');
  const { evaluate } = await import('../evaluate/evaluate.js');
  const { ampProblem } = await import('../gpu/matrices.js');
  const device = await openDeviceFor(trained, flags);
  const problem = (flags.precision ?? trained.precision) === 'amp' ? ampProblem(device) : undefined;
  if (problem !== undefined) console.error(`facegrad: ${problem}`);
  const status = new StatusLine();
  try {
    const { model, normalisation, augmenter } = placeNetwork(device, trained, data, given);
    const predictions = await evaluate(device, model, data, data.splits[flags.split], {
      ...normalisation,
      augmenter,
      batchSize: flags.batchSize,
      onProgress: fraction => {
        status.update('evaluating', fraction);
      },
    });
    return { predictions, mixed: device.matrices !== undefined };
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
