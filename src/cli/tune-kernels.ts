import { Command } from 'commander';
import type { Precision } from '../gpu/matrices.js';
import type { TuningProblem, TuningResult } from '../kernels/tuning/index.js';
import { UserError } from '../util/errors.js';
import { inputSizeOption } from './model-options.js';
import { addGpuOptions, integer, jsonDescription, number, precisionOption, type GpuOptions } from './options.js';
import { StatusLine } from './status-line.js';
import { packageVersion } from './version.js';

interface Flags extends GpuOptions {
  model?: string;
  batchSize: number;
  inputSize?: number;
  precision?: Precision;
  budget: number;
  json?: true;
}

export function tuneKernelsCommand(): Command {
  const command = new Command('tune-kernels')
    .summary('find the fastest kernels for this adapter')
    .description(
      'Time the kernels that can do what networks compute, each checked against the default, and keep the fastest for runs ' +
        'to come. Another kernel may round differently, so a run that begins after this may differ in its last bits from ' +
        'one that began before; runs that have begun keep their kernels.',
    )
    .option('--model <name>', 'tune for this network alone (default: all)')
    .option('--batch-size <n>', 'images of one step', integer(1, 65_536), 64)
    .addOption(inputSizeOption("side of the square images (default: the model's)"))
    .option(
      '--budget <seconds>',
      'time in all; what takes most in a step is tuned first',
      number('above 0', value => value > 0),
      120,
    )
    .addOption(precisionOption())
    .option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad tune-kernels
  facegrad tune-kernels --model mini-resnet --batch-size 128 --budget 30`,
  );
  return command.action(tune);
}

async function tune(flags: Flags): Promise<void> {
  const { model, batchSize, inputSize, precision, budget, json, adapter, backend } = flags;
  if (inputSize !== undefined && model === undefined) throw new UserError('--input-size needs --model <name>');
  const { findModel } = await import('./find-model.js');
  const { modelRegistry } = await import('../nn/index.js');
  const size = inputSize === undefined ? {} : { inputSize };
  const definitions = model === undefined ? Object.values(modelRegistry) : [findModel({ model, ...size })];
  const { ampProblem } = await import('../gpu/matrices.js');
  const { openDevice } = await import('../gpu/node.js');
  const { adapterName } = await import('../train/trainer.js');
  const { tuneOnOwnDevice } = await import('../train/tuning/autotune.js');
  const { TuningCache } = await import('../train/tuning/cache.js');
  const { networkProblems } = await import('../train/tuning/problems.js');
  const { setDefaultDevice } = await import('../tensor/index.js');
  const { tuningHead, tuningRow } = await import('./report/tuning.js');
  const open = () => openDevice({ adapter, backend, precision });
  const warn = (text: string) => {
    console.error(`facegrad: warning: ${text}`);
  };
  const device = await open();
  const problem = precision === 'amp' ? ampProblem(device) : undefined;
  if (problem !== undefined) warn(problem);
  setDefaultDevice(device);
  const status = new StatusLine();
  try {
    const cache = await TuningCache.open(device, packageVersion(), warn);
    const problems = new Map<string, TuningProblem>();
    for (const definition of definitions) {
      const side = inputSize ?? definition.size;
      const create = () => definition.create({ size: side });
      try {
        const found = networkProblems(device, create, [batchSize, definition.channels, side, side]);
        for (const problem of found) problems.set(problem.key, problem);
      } catch (error) {
        if (model !== undefined) throw error;
        // Such as an activation beyond what the adapter can bind, which a smaller batch would not have.
        warn(`${definition.name} is left out: ${(error as Error).message}`);
      }
    }
    const name = adapterName(device);
    if (!json) console.log([name, '', ...tuningHead()].join('\n'));
    const results: TuningResult[] = [];
    await tuneOnOwnDevice([...problems.values()], {
      budget: 1000 * budget,
      openDevice: open,
      onFault: (key, error) => {
        warn(`${key} could not be tuned: ${error.message}`);
      },
      onResult: async result => {
        if (result.tried === 0) return;
        results.push(result);
        // At once, so that Ctrl-C loses nothing.
        await cache.add(new Map([[result.key, result.choice]]), { replace: true });
        status.clear();
        if (!json) console.log(tuningRow(result));
        status.update('tuning', results.length / problems.size);
      },
    });
    status.clear();
    const left = problems.size - results.length;
    if (json) {
      console.log(JSON.stringify({ adapter: name, file: cache.path, tuned: results.length, left, results }));
      return;
    }
    const rest = left === 0 ? '' : `, ${left} are left for a longer --budget`;
    console.log(`\n${results.length} classes of shapes are tuned${rest}; the choices are in\n${cache.path}`);
  } finally {
    status.clear();
    device.destroy();
  }
}
