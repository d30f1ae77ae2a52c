import { Command, Option } from 'commander';
import { SPLIT_NAMES, type DataSet, type SplitName } from '../data/dataset.js';
import type { DataOptions } from '../data/options.js';
import type { NamedPredictions } from '../evaluate/compare.js';
import type { Predictions } from '../evaluate/evaluate.js';
import type { Ensemble } from '../evaluate/members.js';
import type { DuplicateKind } from '../evaluate/errors/duplicates.js';
import type { Trained, TrainedOverrides } from '../evaluate/trained.js';
import type { Tta } from '../evaluate/tta.js';
import type { Precision } from '../gpu/matrices.js';
import { UserError } from '../util/errors.js';
import { augmentOption } from './augment-option.js';
import { parseClasses } from './classes.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from './data-options.js';
import { activationOption, inputSizeOption, seOption } from './model-options.js';
import {
  addGpuOptions,
  addNormalisationOptions,
  collect,
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
  run?: string[];
  fitWeights?: true;
  tta?: string;
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
    .option(
      '--run <folder>',
      'a run of facegrad train; brings its model, weights, data and normalisation. Several: the mean of their probabilities',
      collect,
    )
    .option('--fit-weights', 'several runs: weigh them as is best for the log loss on the validation split')
    .option('--tta <which>', 'mean over views of each image: flip, ten-crop, or ten-crop:<pixels>')
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
  facegrad eval --run runs/a --run runs/b --fit-weights --tta flip --split test
  facegrad eval --run runs/a --split test --against runs/b runs/c
  facegrad eval --run runs/a --split test --votes fer2013new.csv --json
  facegrad eval --weights best.safetensors --data fer2013.csv --split test`,
  );
  return command.action(runEvaluation);
}

async function runEvaluation(flags: Flags): Promise<void> {
  const { findModel } = await import('./find-model.js');
  if (flags.model !== undefined) findModel({ model: flags.model });
  const [trained, ...more] = await readAllTrained(flags);
  for (const { model } of [trained, ...more]) findModel(model);
  const tta = flags.tta === undefined ? undefined : (await import('../evaluate/tta.js')).parseTta(flags.tta);
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
  const source = await sourceFor(trained, path, flags);
  const { assess } = await import('../evaluate/assess.js');
  const { compareWith } = await import('../evaluate/compare.js');
  const { readVotes } = await import('../data/labels/votes.js');
  const { evaluationLines } = await import('./report/evaluation.js');
  const { data, names } = await load(trained, source, flags, given);
  const votesFile = flags.votes ?? source.options.labels;
  const votes = votesFile === undefined ? undefined : await readVotes(votesFile, data, flags.split);
  const { predictions, mixed, ensemble } =
    more.length > 0
      ? await predictTogether([trained, ...more], flags, tta)
      : await predict(trained, data, flags, given, tta);
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
    compared.push({ name, predictions: (await predict(other, data, flags, {}, tta)).predictions });
  }
  const self = { name: ensemble ? 'the ensemble' : (trained.run?.path ?? trained.file), predictions };
  const result: Evaluation = {
    model: ensemble ? `ensemble of ${1 + more.length}` : trained.model.model,
    ...(ensemble ? { ensemble } : {}),
    ...(tta ? { tta } : {}),
    ...assessment,
    ...(compared.length > 0 ? { comparisons: compareWith(self, compared, bootstrap) } : {}),
    ...(mixed ? { precision: 'amp' } : {}),
  };
  console.log(flags.json ? JSON.stringify(result) : evaluationLines(result).join('\n'));
}

/** The data that are evaluated on: those of --data, else those of the network's run, at `path`. */
async function sourceFor(
  { run }: Trained,
  path: string,
  flags: Flags,
): Promise<{ path: string; options: DataOptions }> {
  // Other data have options of their own.
  const own = flags.data === undefined && run ? await dataFlagsOf(run.config.options) : {};
  return { path, options: { ...own, ...(await dataFlagsOf(flags)) } };
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
async function predict(
  trained: Trained,
  data: DataSet,
  flags: Flags,
  given: TrainedOverrides,
  tta: Tta | undefined,
  split = flags.split,
): Promise<{ predictions: Predictions; mixed: boolean; ensemble?: Ensemble }> {
  const { openDeviceFor, placeNetwork } = await import('../evaluate/trained.js');
  const { evaluateWithTta } = await import('../evaluate/tta.js');
  const { ampProblem } = await import('../gpu/matrices.js');
  const device = await openDeviceFor(trained, flags);
  const problem = (flags.precision ?? trained.precision) === 'amp' ? ampProblem(device) : undefined;
  if (problem !== undefined) console.error(`facegrad: ${problem}`);
  const status = new StatusLine();
  try {
    const network = placeNetwork(device, trained, data, given);
    const predictions = await evaluateWithTta(device, network, data, data.splits[split], {
      ...{ tta, augment: given.augment ?? trained.augment, batchSize: flags.batchSize },
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

/** Several networks one by one, and as one. */
async function predictTogether(networks: readonly Trained[], flags: Flags, tta: Tta | undefined) {
  const { evaluateTogether } = await import('../evaluate/members.js');
  let mixed = false;
  const loaded = new Map<string, DataSet>();
  const together = await evaluateTogether(networks, {
    ...{ split: flags.split, fitOn: flags.fitWeights ? 'val' : undefined, sameClasses: flags.classes !== undefined },
    answer: async (network, splits) => {
      const source = await sourceFor(network, flags.data ?? network.run!.config.options.data, flags);
      const { loadOptionsFor } = await import('../evaluate/trained.js');
      const key = JSON.stringify([source, loadOptionsFor(network)]);
      const data = loaded.get(key) ?? (await load(network, source, flags, {})).data;
      // Members of one form follow each other as a rule; more than one form would fill the memory.
      loaded.clear();
      loaded.set(key, data);
      const predictions: Predictions[] = [];
      for (const split of splits) {
        if (data.splits[split].count === 0)
          throw new UserError(`${data.name} has no ${split} images to fit weights on`);
        const answers = await predict(network, data, flags, {}, tta, split);
        predictions.push(answers.predictions);
        mixed ||= answers.mixed;
      }
      return { data, predictions };
    },
  });
  return { ...together, mixed };
}

/** The network that is evaluated, or those of an ensemble. */
async function readAllTrained(flags: Flags): Promise<[Trained, ...Trained[]]> {
  const runs = flags.run ?? [];
  if (runs.length < 2) {
    if (flags.fitWeights) throw new UserError('--fit-weights weighs several runs: give --run more than once');
    return [await readTrained(flags, runs[0])];
  }
  if (flags.mean !== undefined || flags.std !== undefined || flags.augment !== undefined) {
    throw new UserError('several runs bring their own normalisation and crops: leave out --mean, --std and --augment');
  }
  const [first, ...others] = runs;
  const trained: [Trained, ...Trained[]] = [await readTrained(flags, first)];
  for (const run of others) trained.push(await readTrained(flags, run));
  return trained;
}

async function readTrained(flags: Flags, run: string | undefined): Promise<Trained> {
  const { model, weights, inputSize, se, activation } = flags;
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
