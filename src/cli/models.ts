import { Command } from 'commander';
import { jsonDescription } from './options.js';
import { columns, whole, wrap } from './report/format.js';

const DESCRIPTION_COLUMNS = 38;

export function modelsCommand(): Command {
  return new Command('models')
    .summary('list the models')
    .description('List the models with their input, parameters and multiply-accumulates (MACs) of one image.')
    .option('--json', jsonDescription)
    .action(async (flags: { json?: true }) => {
      const { openDevice } = await import('../gpu/node.js');
      const { countMacs, countParameters, modelRegistry } = await import('../nn/index.js');
      const { setDefaultDevice } = await import('../tensor/index.js');
      // Only shapes are looked at: Dawn's null backend runs nothing and needs no driver.
      const device = await openDevice({ backend: 'null' });
      setDefaultDevice(device);
      const models = Object.entries(modelRegistry).map(([name, { description, channels, size, create }]) => {
        const model = create();
        const input = [channels, size, size] as const;
        return { name, description, input, parameters: countParameters(model), macs: countMacs(model, input) };
      });
      device.destroy();
      if (flags.json) {
        console.log(JSON.stringify(models));
        return;
      }
      const rows = models.flatMap(({ name, description, input, parameters, macs }) =>
        wrap(description, DESCRIPTION_COLUMNS).map((text, i) =>
          i === 0 ? [name, input.join('x'), whole(parameters), whole(macs), text] : ['', '', '', '', text],
        ),
      );
      console.log(columns([['model', 'input', 'parameters', 'MACs', 'description'], ...rows], 'llrrl').join('\n'));
    });
}
