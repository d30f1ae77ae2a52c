import { join, resolve } from 'node:path';
import { Command } from 'commander';
import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';
import { addDataOptions, dataFlagsOf } from './data-options.js';
import { activationOption, dropoutOption, inputSizeOption, seOption } from './model-options.js';
import { addOptimizerOptions } from './optimisation-options.js';
import {
  addGpuOptions,
  addNormalisationOptions,
  dataDescription,
  excludeOption,
  integer,
  jsonDescription,
  number,
  type GpuOptions,
} from './options.js';
import { Interruption } from './signals.js';
import { StatusLine } from './status-line.js';
import { trainDefaults } from '../train/defaults.js';

interface Flags extends Omit<Partial<TrainOptions>, 'model'>, GpuOptions {
  startLr: number;
  endLr: number;
  steps: number;
  out?: string;
  json?: true;
}

export function lrFindCommand(exitWith: (code: number) => void): Command {
  const rate = number('above 0', value => value > 0);
  const command = new Command('lr-find')
    .summary('find a learning rate')
    .description(
      'Train with a learning rate that rises at each step until the loss diverges, and suggest one (range test of Smith, ' +
        'smoothed and stopped as in fastai). Writes the curve as CSV, SVG and PNG; the weights are not kept.',
    )
    .argument('<model>', '`facegrad models` lists the models')
    .requiredOption('--data <path>', dataDescription)
    .option('--start-lr <rate>', 'the first rate', rate, 1e-7)
    .option('--end-lr <rate>', 'the last rate', rate, 10)
    .option('--steps <n>', 'from the first rate to the last', integer(3, 100_000), 100)
    .addOption(inputSizeOption("side of the square images that the model gets (default: the model's)"))
    .addOption(dropoutOption())
    .addOption(seOption())
    .addOption(activationOption())
    .option('--batch-size <n>', `images of one step (default: ${trainDefaults.batchSize})`, integer(1, 65_536));
  addOptimizerOptions(command, trainDefaults)
    .option('--seed <n>', `of weights, order and dropout (default: ${trainDefaults.seed})`, integer(0, 0xffff_ffff))
    .addOption(excludeOption())
    .option('--limit <n>', 'use at most n training images', integer(1));
  addNormalisationOptions(command, "ImageNet's for models of three channels, else the training split's")
    .option('--out <folder>', 'where lr-find.csv, .svg and .png go (default: lr-find-<model>)')
    .option('--json', jsonDescription);
  addDataOptions(command);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad lr-find simple-cnn --data fer2013.csv
  facegrad lr-find mini-resnet --data fer2013.csv --optimizer sgd --end-lr 1 \\
      --out curves`,
  );
  return command.action(async (model: string, flags: Flags) => {
    exitWith(await runLrFind(model, flags));
  });
}

/** Gives the exit code. */
async function runLrFind(model: string, flags: Flags): Promise<number> {
  const { startLr, endLr, steps, out = `lr-find-${model}`, json, adapter, backend, ...given } = flags;
  if (given.data !== undefined && given.data !== 'synthetic') given.data = resolve(given.data);
  if (given.lr !== undefined && given.groups === undefined) {
    throw new UserError('--lr is what lr-find looks for: it only says what the rates of --groups are measured against');
  }
  const { newOptions } = await import('../train/new-options.js');
  const options = newOptions({ ...given, model });
  const { findModel } = await import('./find-model.js');
  const { size } = findModel(options);
  const { loadDataVisibly } = await import('./load-data.js');
  const { packSize } = await import('../train/load-options.js');
  const inputSize = packSize(options.inputSize ?? size, false);
  const data = await loadDataVisibly(options.data, options.exclude, { ...(await dataFlagsOf(options)), inputSize });
  const { openDevice } = await import('../gpu/node.js');
  const { findLearningRate, pointsCsv } = await import('../train/lr-find.js');
  const device = await openDevice({ adapter, backend });
  const line = new StatusLine();
  const interruption = new Interruption(() => {
    process.stderr.write('stopping after this step; once more stops at once\n');
  });
  try {
    const { points, valley, steepest, minimum, diverged } = await findLearningRate(
      device,
      data,
      { ...options, startLr, endLr, steps },
      {
        signal: interruption.signal,
        onStep: ({ step, lr, smoothed }) => {
          line.update(`lr ${lr.toExponential(2)}, loss ${smoothed.toFixed(4)}`, step / steps);
        },
      },
    );
    line.clear();
    if (interruption.exitCode !== undefined) return interruption.exitCode;
    const { learningRateCurve, pngFile, svgFile } = await import('../plots/index.js');
    const { createFolder, writeFileAtomic } = await import('../train/files.js');
    const chart = await learningRateCurve(`${model}: loss over learning rate`, points, valley);
    await createFolder(resolve(out));
    await writeFileAtomic(join(out, 'lr-find.csv'), pointsCsv(points));
    await writeFileAtomic(join(out, 'lr-find.svg'), svgFile(chart));
    await writeFileAtomic(join(out, 'lr-find.png'), pngFile(chart));
    if (json) {
      console.log(JSON.stringify({ valley, steepest, minimum, diverged, steps: points.length, out }));
    } else {
      const text = (lr: number) => lr.toExponential(2);
      console.log(`suggested: --lr ${text(valley)}, the middle of the longest way down`);
      console.log(`steepest fall at ${text(steepest)}; a tenth of the rate of the least loss is ${text(minimum)}`);
      const how = diverged ? `diverged at step ${points.length}` : 'did not diverge; a higher --end-lr shows more';
      console.log(`the loss ${how}`);
      console.log(`curve: ${join(out, 'lr-find.png')}, .svg, .csv`);
    }
    return 0;
  } finally {
    line.clear();
    interruption.dispose();
    device.destroy();
  }
}
