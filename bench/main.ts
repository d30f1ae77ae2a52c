import { Command } from 'commander';
import { openDevice } from '../src/gpu/node.js';
import { setDefaultDevice } from '../src/tensor/index.js';
import { adapterName } from '../src/train/trainer.js';
import { kernelBenches } from './kernels.js';
import { measure, type Result } from './measure.js';
import { trainingBenches } from './training.js';

const program = new Command('bench')
  .description('Time kernels, training steps and inference; every bench checks its result first.')
  .option('--filter <text>', 'only benches whose name contains this', '')
  .option('--seconds <n>', 'seconds of samples for each', Number, 2)
  .option('--json', 'an array of results on standard output, and nothing else')
  .option('--no-subgroups', 'time the portable kernels')
  .option('--adapter <which>', "high-performance, low-power, or part of the adapter's name")
  .parse();
const options = program.opts<{ filter: string; seconds: number; json?: true; subgroups: boolean; adapter?: string }>();

const device = await openDevice({ adapter: options.adapter, subgroups: options.subgroups });
setDefaultDevice(device);
const adapter = adapterName(device);
const benches = [...kernelBenches, ...trainingBenches].filter(({ name }) => name.includes(options.filter));
if (benches.length === 0) program.error(`no bench has '${options.filter}' in its name`);

const results: Result[] = [];
if (!options.json) {
  console.log(`adapter: ${adapter}; ${device.subgroupSize > 0 ? `${device.subgroupSize} lanes` : 'no subgroups'}\n`);
  console.log('| bench | ms | ± | rate |\n|---|---|---|---|');
}
for (const bench of benches) {
  const figures = await measure(bench, options.seconds);
  results.push({ name: bench.name, adapter, contestants: { facegrad: figures } });
  if (!options.json) {
    const { medianMs, spread, rate, unit } = figures;
    console.log(`| ${bench.name} | ${medianMs.toFixed(2)} | ${spread.toFixed(2)} | ${rate.toFixed(1)} ${unit} |`);
  }
}
if (options.json) console.log(JSON.stringify(results, null, 2));
device.destroy();
