import { Command, Option } from 'commander';
import type { ModelChoice } from '../train/model.js';
import type { Grouping } from '../train/profile/profile.js';
import type { Mode } from '../train/profile/workload.js';
import type { OptimizerName } from '../train/optimisation.js';
import { UserError } from '../util/errors.js';
import { augmentOption } from './augment-option.js';
import { activationOption, inputSizeOption, seOption } from './model-options.js';
import { addGpuOptions, integer, jsonDescription, oneOf, type GpuOptions } from './options.js';
import { requireFolder } from './require-folder.js';
import { StatusLine } from './status-line.js';

interface Flags extends GpuOptions, Omit<ModelChoice, 'model'> {
  mode: Mode;
  batchSize: number;
  optimizer?: OptimizerName;
  augment?: string;
  steps: number;
  by: Grouping;
  trace?: string;
  json?: true;
}

const modes = ['train', 'infer'] as const satisfies readonly Mode[];
const optimizers = ['adam', 'adamw', 'sgd', 'rmsprop'] as const satisfies readonly OptimizerName[];
const groupings = ['kernel', 'variant', 'shape'] as const satisfies readonly Grouping[];

export function profileCommand(): Command {
  const choice = (flags: string, description: string, valid: readonly string[]) =>
    new Option(flags, description).choices(valid).argParser(oneOf(valid));
  const command = new Command('profile')
    .summary('time the kernels of a network')
    .description(
      'Time each kernel of training steps or forward passes by timestamps on the GPU, compare its operations and bytes a ' +
        'second with what the adapter can do at most, and show whether the GPU ever waits for the host. Images are random.',
    )
    .argument('<model>', 'what to profile; `facegrad models` lists the models')
    .option('--batch-size <n>', 'images of one step', integer(1, 65_536), 64)
    .addOption(inputSizeOption("side of the square images (default: the model's)"))
    .addOption(choice('--mode <name>', 'a training step, or a forward pass in evaluation mode', modes).default('train'))
    .addOption(choice('--optimizer <name>', 'update rule of --mode train (default: adam)', optimizers))
    .addOption(seOption())
    .addOption(activationOption())
    .addOption(augmentOption('what is done to the images'))
    .option('--steps <n>', 'steps that are timed', integer(1, 10_000), 10)
    .addOption(
      choice(
        '--by <what>',
        'what makes a line: kernel (entry point), variant (and its constants), shape (and its sizes)',
        groupings,
      ).default('kernel'),
    )
    .option('--trace <file>', "write a timeline in Chrome's trace format, for ui.perfetto.dev")
    .option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad profile mini-resnet --batch-size 128
  facegrad profile resnet18 --mode infer --by shape --trace resnet18.json`,
  );
  return command.action(runProfile);
}

async function runProfile(name: string, flags: Flags): Promise<void> {
  const { adapter, backend, by, trace, json, optimizer, augment, ...options } = flags;
  if (options.mode === 'infer' && optimizer !== undefined) {
    throw new UserError('--optimizer is of --mode train; nothing is updated in --mode infer');
  }
  const { findModel } = await import('./find-model.js');
  const { batchSize, steps, mode, ...choice } = options;
  findModel({ model: name, ...choice });
  const spec = augment === undefined ? undefined : await (await import('../data/augment/read.js')).readAugment(augment);
  if (trace !== undefined) await requireFolder(trace);
  const { openDevice } = await import('../gpu/node.js');
  const { kernelProfiles, profile } = await import('../train/profile/profile.js');
  const { profileJson, profileLines } = await import('./report/profile.js');
  const device = await openDevice({ adapter, backend });
  const status = new StatusLine();
  try {
    const result = await profile(device, {
      ...{ model: name, ...choice, batchSize, steps, mode, optimizer: optimizer ?? 'adam' },
      augment: spec,
      onProgress: (what, fraction) => {
        status.update(what, fraction);
      },
    });
    status.clear();
    const kernels = kernelProfiles(result, by);
    console.log(json ? JSON.stringify(profileJson(result, kernels)) : profileLines(result, kernels).join('\n'));
    if (trace !== undefined) {
      const { chromeTrace } = await import('../train/profile/trace.js');
      const { writeFileAtomic } = await import('../train/files.js');
      await writeFileAtomic(trace, chromeTrace(result.timeline, `facegrad ${name}`));
      if (!json) console.log(`\n${trace} holds the timeline: open it in ui.perfetto.dev`);
    }
  } finally {
    status.clear();
    device.destroy();
  }
}
