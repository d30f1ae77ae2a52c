import { Command } from 'commander';
import type { ModelDefinition, ModelSummary } from '../nn/index.js';
import { UserError } from '../util/errors.js';
import { inputSizeOption } from './model-options.js';
import type { CostFlags } from './models-cost.js';
import { addGpuOptions, dataDescription, integer, jsonDescription } from './options.js';
import { modelTable, summaryLines, type ListedModel } from './report/models.js';

export function modelsCommand(): Command {
  const command = new Command('models')
    .summary('list the models, the layers of one, or what they cost')
    .description(
      'List the models with their input, parameters and multiply-accumulates (MACs) of one image; or, of one model, ' +
        'each layer with its output shape, parameters, MACs and the bytes that it puts out for one image; or, with ' +
        '--cost, what networks cost in memory and, with --measure, in time.',
    )
    .argument('[names...]', 'the model whose layers to list; with --cost the models to compare')
    .addOption(inputSizeOption("side of the square images (default: the model's)"))
    .option('--classes <n>', "how many the model tells apart (default: the model's own)", integer(2, 100_000))
    .option('--cost', 'parameters, MACs, memory of activations and size of a checkpoint, side by side')
    .option('--measure', 'with --cost: time training and inference on the adapter, some seconds each')
    .option('--data <path>', `with --cost: ${dataDescription}; for its classes, and seconds an epoch`)
    .option('--batch-size <n>', 'with --measure: images at a time (default: 64)', integer(1, 65_536));
  addGpuOptions(command).option('--json', jsonDescription).option('--csv', 'with --cost: print CSV');
  command.addHelpText(
    'after',
    `
Examples:
  facegrad models mini-resnet
  facegrad models --cost
  facegrad models --cost resnet18 mobilenet-v2 --measure --data fer2013.csv`,
  );
  return command.action(async (names: string[], flags: CostFlags) => {
    if (flags.cost) {
      const { printCosts } = await import('./models-cost.js');
      await printCosts(names, flags);
      return;
    }
    refuseWithoutCost(names, flags);
    const [name] = names;
    const { findModel } = await import('./find-model.js');
    const { modelRegistry } = await import('../nn/index.js');
    const definitions = name === undefined ? Object.values(modelRegistry) : [findModel({ model: name })];
    const looks = await lookAt(definitions, flags);
    if (name === undefined) {
      const models = looks.map(({ model }) => model);
      console.log(flags.json ? JSON.stringify(models) : modelTable(models).join('\n'));
      return;
    }
    const { model, summary } = looks[0]!;
    console.log(
      flags.json ? JSON.stringify({ ...model, layers: summary.layers }) : summaryLines(model, summary).join('\n'),
    );
  });
}

function refuseWithoutCost(names: readonly string[], flags: CostFlags): void {
  const own = {
    ...{ '--measure': flags.measure, '--data': flags.data, '--batch-size': flags.batchSize, '--csv': flags.csv },
    ...{ '--adapter': flags.adapter, '--backend': flags.backend },
  };
  for (const [flag, value] of Object.entries(own)) {
    if (value !== undefined) throw new UserError(`${flag} is of --cost; nothing else of models needs it`);
  }
  if (names.length > 1) throw new UserError('layers are listed of one model at a time; --cost compares several');
}

/** Builds each model and lets one image pass. Only shapes matter: Dawn's null backend runs nothing and needs no driver. */
async function lookAt(
  definitions: readonly ModelDefinition[],
  { inputSize, classes }: CostFlags,
): Promise<{ model: ListedModel; summary: ModelSummary }[]> {
  const { openDevice } = await import('../gpu/node.js');
  const { init, summarize } = await import('../nn/index.js');
  const { setDefaultDevice } = await import('../tensor/index.js');
  const device = await openDevice({ backend: 'null' });
  setDefaultDevice(device);
  try {
    return definitions.map(definition => {
      const { name, description, channels } = definition;
      const size = inputSize ?? definition.size;
      const count = classes ?? definition.classes;
      const network = init.withoutValues(() => definition.create({ size, classes: count }));
      const input = [channels, size, size] as const;
      const summary = summarize(network, input);
      network.dispose();
      return { model: { name, description, input, classes: count, ...summary.total }, summary };
    });
  } finally {
    device.destroy();
  }
}
