import { Command } from 'commander';
import type { ModelDefinition, ModelSummary } from '../nn/index.js';
import { inputSizeOption } from './model-options.js';
import { integer, jsonDescription } from './options.js';
import { modelTable, summaryLines, type ListedModel } from './report/models.js';

interface Flags {
  inputSize?: number;
  classes?: number;
  json?: true;
}

export function modelsCommand(): Command {
  return new Command('models')
    .summary('list the models, or the layers of one')
    .description(
      'List the models with their input, parameters and multiply-accumulates (MACs) of one image; or, of one model, ' +
        'each layer with its output shape, parameters, MACs and the bytes that it puts out for one image.',
    )
    .argument('[name]', 'the model whose layers to list')
    .addOption(inputSizeOption("side of the square images (default: the model's)"))
    .option('--classes <n>', "how many the model tells apart (default: the model's own)", integer(2, 100_000))
    .option('--json', jsonDescription)
    .action(async (name: string | undefined, flags: Flags) => {
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

/** Builds each model and lets one image pass. Only shapes matter: Dawn's null backend runs nothing and needs no driver. */
async function lookAt(
  definitions: readonly ModelDefinition[],
  { inputSize, classes }: Flags,
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
