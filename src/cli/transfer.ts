import { resolve } from 'node:path';
import { Command } from 'commander';
import type { DataSet } from '../data/dataset.js';
import type { TransferFolder, TransferSteps } from '../evaluate/transfer/index.js';
import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';
import { augmentOption } from './augment-option.js';
import { addDataOptions } from './data-options.js';
import { exitCodes } from './errors.js';
import { addOptimisationOptions } from './optimisation-options.js';
import {
  addGpuOptions,
  dataDescription,
  excludeOption,
  integer,
  number,
  precisionOption,
  type GpuOptions,
} from './options.js';
import { classWeightsOption, samplerOption } from './sampling-options.js';
import { Interruption } from './signals.js';
import { StatusLine } from './status-line.js';
import { addFreezeOptions } from './transfer-options.js';
import { packageVersion } from './version.js';

// Those of src/evaluate/transfer/options.ts, which is not loaded for a help text; a test compares them.
export const transferDefaults = { epochs: 10, lr: 1e-4, optimizer: 'adam' } as const;

type Flags = Omit<Partial<TrainOptions>, 'model' | 'augment' | 'joint'> &
  GpuOptions & {
    from?: string;
    to?: string;
    fromData?: string;
    joint?: number;
    augment?: string;
    autotune?: boolean;
    out?: string;
    resume?: string;
    force?: true;
    json?: true;
  };

/** Flags that a sitting may have whichever transfer it is of, and those that are no options of the run that fine-tunes. */
const anySitting = ['adapter', 'backend', 'autotune', 'json', 'resume'] as const;
const notOfTheRun = [...anySitting, 'from', 'to', 'fromData', 'joint', 'augment', 'out', 'force'] as const;

export function transferCommand(exitWith: (code: number) => void): Command {
  const defaults = transferDefaults;
  const command = new Command('transfer')
    .summary('fine-tune a network on other data, and see what it forgets')
    .description(
      'Take the best weights of a run to other data: evaluate them there as they are (zero-shot), fine-tune them, then evaluate ' +
        'on both data sets. The table says what was gained on the new data and forgotten of the old. What was stopped goes ' +
        'on with --resume.',
    )
    .option('--from <run>', 'the run that the network comes from')
    .option('--to <path>', `the new data; ${dataDescription}`)
    .option('--from-data <path>', 'where the data of the run are now, if they have moved')
    .option(
      '--joint <share>',
      'train on the old data too: their share of each batch (default: only the new data)',
      number('above 0 and below 1', value => value > 0 && value < 1),
    )
    .option('--epochs <n>', `passes over the new training images (default: ${defaults.epochs})`, integer(1))
    .option('--batch-size <n>', "images of one step (default: the run's)", integer(1, 65_536));
  addFreezeOptions(command);
  addOptimisationOptions(command, defaults)
    .option('--seed <n>', 'of order and augmentation (default: 0)', integer(0, 0xffff_ffff))
    .addOption(samplerOption('shuffle'))
    .addOption(classWeightsOption('none'))
    .addOption(excludeOption())
    .addOption(augmentOption("what is done to training images (default: the run's)"))
    .option('--limit <n>', 'use at most n images of each split', integer(1))
    .addOption(precisionOption("the run's"))
    .option('--out <folder>', 'where transfer.json, .md, .csv and the run go (default: runs/transfer-<model>-<time>)')
    .option('--force', 'replace the transfer that --out holds')
    .option('--resume <folder>', 'go on with the transfer in that folder, which keeps its options')
    .option('--autotune', 'look for faster kernels also on a software adapter')
    .option('--no-autotune', 'take the table of default kernels')
    .option('--json', 'JSON lines on standard output, as of train; last {"event": "transfer", …}');
  addDataOptions(command);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad transfer --from runs/first --to raf-db.zip --map-labels fer2013
  facegrad transfer --from runs/first --to raf-db.zip --joint 0.3 --l2-sp 0.01 \\
    --freeze 'layer1*'
  facegrad transfer --resume runs/transfer-mini-resnet-20260314-150926`,
  );
  return command.action(async (flags: Flags) => {
    exitWith(await runTransfer(flags));
  });
}

/** Gives the exit code. */
async function runTransfer(flags: Flags): Promise<number> {
  const { folder, target } = flags.resume === undefined ? await begin(flags) : await resume(flags.resume, flags);
  try {
    return await goOn(folder, target, flags);
  } finally {
    await folder.close();
  }
}

async function goOn(folder: TransferFolder, target: DataSet | undefined, flags: Flags): Promise<number> {
  const { record, path } = folder;
  const { options, classes, from, to } = record;
  const { scoreTest, transfer } = await import('../evaluate/transfer/index.js');
  const { RunFolder } = await import('../train/run.js');
  const { requireSameData } = await import('../train/resumed-options.js');
  const { loadRunDataVisibly } = await import('./load-data.js');
  const source = await RunFolder.open(from.run);
  const { adapter, backend, json } = flags;
  const { batchSize, limit, seed } = options;
  const interruption = new Interruption(() => {
    console.error('stopping and saving; once more stops at once, without saving');
  });
  const status = new StatusLine();
  const steps: TransferSteps = {
    loadSource: async () => {
      const data = await loadRunDataVisibly({ ...source.config.options, data: from.path });
      requireSameData(source.config, data.fingerprint, from.path);
      return data;
    },
    loadTarget: async () => {
      const data = target ?? (await loadRunDataVisibly(withoutJoint(options)));
      if (data.fingerprint === to.fingerprint) return data;
      throw new UserError(`${options.data} is not what it was when the transfer began (${to.data})`);
    },
    fineTune: () => fineTune(folder, flags, interruption),
    score: (trained, data, which) =>
      scoreTest(trained, data, classes, {
        ...{ adapter, backend, batchSize, limit, seed },
        onProgress: fraction => {
          status.update(`evaluating on ${data.name} (${which})`, fraction);
        },
      }).finally(() => {
        status.clear();
      }),
  };
  try {
    const done = await transfer(folder, steps, interruption.signal);
    if (!done) {
      console.error(`stopped; go on with: facegrad transfer --resume ${path}`);
      return interruption.exitCode ?? exitCodes.success;
    }
    const { transferLines } = await import('./report/transfer.js');
    if (json) console.log(JSON.stringify({ event: 'transfer', ...done }));
    else console.log(['', ...transferLines(done), '', `table: ${path}/transfer.md, .csv and .json`].join('\n'));
    return exitCodes.success;
  } finally {
    interruption.dispose();
  }
}

/** A new transfer, and the data that it goes to. */
async function begin(flags: Flags): Promise<{ folder: TransferFolder; target: DataSet }> {
  const { from, to, fromData, joint, augment, out, force = false } = flags;
  const rest = withoutKeys(flags, notOfTheRun);
  if (from === undefined || to === undefined) {
    throw new UserError('transfer needs --from <run> and --to <data>, or --resume <folder>');
  }
  const { neededLabelMap, TransferFolder, transferOptions } = await import('../evaluate/transfer/index.js');
  const { readTrainedRun } = await import('../evaluate/trained.js');
  const trained = await readTrainedRun(from);
  const { findModel } = await import('./find-model.js');
  findModel(trained.model);
  const { config } = trained.run!;
  const path = resolvePath(fromData ?? config.options.data);
  const given = {
    ...rest,
    data: resolvePath(to),
    ...(rest.labels === undefined ? {} : { labels: resolve(rest.labels) }),
    ...(rest.exclude === undefined ? {} : { exclude: resolve(rest.exclude) }),
    ...(augment === undefined ? {} : { augment: await (await import('../data/augment/read.js')).readAugment(augment) }),
  };
  let options = transferOptions({ ...trained, run: trained.run! }, given, joint, path);
  const { defaultRunPath } = await import('../train/run.js');
  const place = out ?? (await defaultRunPath(`transfer-${options.model}`));
  await TransferFolder.requireFree(place, force, from);

  const { loadRunDataVisibly } = await import('./load-data.js');
  const { alignClasses } = await import('../data/align.js');
  let target = await loadRunDataVisibly(withoutJoint(options));
  const map = given.mapLabels === undefined ? neededLabelMap(target, config.classes, from) : undefined;
  if (map !== undefined) {
    console.error(
      `the classes are ${target.classes.join(', ')}, those of ${from} ${config.classes.join(', ')}: taken as --map-labels ${map}`,
    );
    options = { ...options, mapLabels: map };
    target = await loadRunDataVisibly(withoutJoint(options));
  }
  alignClasses(target, config.classes, from);
  const { titleOf } = await import('../data/dataset.js');
  const { fileFingerprint } = await import('../train/init-weights.js');
  const record = {
    ...{ facegrad: packageVersion(), created: new Date().toISOString() },
    from: { run: resolve(from), weights: await fileFingerprint(trained.file), data: config.data.name, path },
    to: { data: titleOf(target), fingerprint: target.fingerprint },
    ...{ options, classes: config.classes },
  };
  const folder = await TransferFolder.create(place, record, { force });
  return { folder, target };
}

/** The transfer that was begun in `path`. */
async function resume(path: string, flags: Flags): Promise<{ folder: TransferFolder; target?: DataSet }> {
  const [other] = Object.keys(withoutKeys(flags, anySitting));
  if (other !== undefined) {
    throw new UserError(
      `a transfer that is continued keeps its options: beside --resume, leave out ${flagName(other)}`,
    );
  }
  const { TransferFolder } = await import('../evaluate/transfer/index.js');
  return { folder: await TransferFolder.resume(path) };
}

/** Trains the run of a transfer to its end, or goes on with it; false where it was interrupted. */
async function fineTune(folder: TransferFolder, flags: Flags, { signal }: Interruption): Promise<boolean> {
  const { adapter, backend, autotune, json = false } = flags;
  const { options } = folder.record;
  const { finishedSummary, trainMember } = await import('../train/series/index.js');
  const { chooseReporter } = await import('./report/choose.js');
  const { loadRunDataVisibly } = await import('./load-data.js');
  const member = { path: folder.run, options };
  if (await finishedSummary(member)) return true;
  const summary = await trainMember(member, await loadRunDataVisibly(options), {
    ...{ adapter, backend, autotune, signal },
    version: packageVersion(),
    reporterFor: (_, history) => chooseReporter(json, history),
  });
  return !summary.interrupted;
}

function withoutJoint(options: TrainOptions): TrainOptions {
  return withoutKeys(options, ['joint']);
}

function withoutKeys<T extends object, K extends keyof T>(value: T, keys: readonly K[]): Omit<T, K> {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key as K))) as Omit<T, K>;
}

/** The folder may be continued from elsewhere. */
function resolvePath(path: string): string {
  return path === 'synthetic' ? path : resolve(path);
}

function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`;
}
