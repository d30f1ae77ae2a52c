import { Command, Option } from 'commander';
import { SPLIT_NAMES } from '../data/dataset.js';
import type { NamedPredictions } from '../evaluate/compare.js';
import type { DuplicateKind } from '../evaluate/errors/duplicates.js';
import type { Trained, TrainedOverrides } from '../evaluate/trained.js';
import { UserError } from '../util/errors.js';
import { augmentOption } from './augment-option.js';
import { parseClasses } from './classes.js';
import { addDataOptions } from './data-options.js';
import { load, predict, predictTogether, readAllTrained, sourceFor, type AnswerFlags } from './eval-answers.js';
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
} from './options.js';
import type { Evaluation } from './report/evaluation.js';
import { StatusLine } from './status-line.js';
import { addWeightsOptions } from './trained-options.js';

interface Flags extends AnswerFlags {
  tta?: string;
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
    .option('--tta <which>', 'mean over views of each image: flip, ten-crop, or ten-crop:<pixels>');
  addWeightsOptions(command)
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
  const [trained, ...more] = await readAllTrained(flags);
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
