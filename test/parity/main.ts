/**
 * `npm run parity -- [folder] [--adapter name] [--backend name] [--no-subgroups]`: compares this project with what
 * PyTorch and scikit-learn wrote into `folder`. Exits with 1 on a difference, with 2 where the goldens cannot be read.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Command, CommanderError } from 'commander';
import { openDevice, type OpenOptions } from '../../src/gpu/node.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { UserError } from '../../src/util/errors.js';
import { goldenCopy, readGoldens } from './golden.js';
import { summarize } from './report.js';
import { checkGoldens } from './run.js';

/** The full goldens beside the project where they are, else the project's own selection of them. */
function defaultFolder(): string {
  const shared = fileURLToPath(new URL('../../../shared/golden', import.meta.url));
  return existsSync(shared) ? shared : goldenCopy;
}

async function parity(folder: string, options: OpenOptions): Promise<number> {
  const goldens = readGoldens(folder);
  const device = await openDevice(options);
  setDefaultDevice(device);
  try {
    const results = await checkGoldens(goldens);
    for (const line of summarize(results)) console.log(line);
    return results.some(({ status }) => status === 'failed') ? 1 : 0;
  } finally {
    device.destroy();
  }
}

const program = new Command('parity')
  .description('Compares this project with the results of PyTorch and scikit-learn in a folder of goldens.')
  .argument('[folder]', 'holds ops.json, models.json and training.json', defaultFolder())
  .option('--adapter <name>', 'part of the name of the adapter to use')
  .option('--backend <name>', "Dawn's backend")
  .option('--no-subgroups', 'use the portable kernels')
  .exitOverride()
  .action(async (folder: string, options: OpenOptions) => {
    process.exitCode = await parity(folder, options);
  });

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else if (error instanceof UserError) {
    console.error(`parity: ${error.message}`);
    process.exitCode = 2;
  } else throw error;
}
