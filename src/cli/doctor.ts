import { Command } from 'commander';
import { UserError } from '../util/errors.js';
import { exitCodes } from './errors.js';
import { addGpuOptions, jsonDescription, type GpuOptions } from './options.js';
import { packageVersion } from './version.js';

const KERNEL_ELEMENTS = 1000;

export function doctorCommand(exitWith: (code: number) => void): Command {
  const command = new Command('doctor')
    .summary('show what the GPU offers and what is missing')
    .description('Show the adapter, its driver, limits and features and what is missing, and run a kernel on it.')
    .option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad doctor
  facegrad doctor --backend vulkan --adapter llvmpipe --json`,
  );
  return command.action(async (flags: GpuOptions & { json?: true }) => {
    const { dawnVersion, listAdapters, openDevice } = await import('../gpu/node.js');
    const { describeDevice, doctorLines } = await import('./doctor-report.js');
    const available = await listAdapters();
    const device = await openDevice(flags).catch((error: unknown) => {
      // A wrong --adapter or --backend is the user's fault; no adapter at all is the machine's.
      if (!(error instanceof UserError) || available.length > 0) throw error;
      console.error(`facegrad: ${error.message}`);
      return undefined;
    });
    if (!device) {
      if (flags.json) console.log(JSON.stringify({ adapter: null, available }));
      exitWith(exitCodes.failure);
      return;
    }
    try {
      const { Tensor } = await import('../tensor/index.js');
      const { add } = await import('../kernels/binary.js');
      const start = performance.now();
      const x = Tensor.from(
        Array.from({ length: KERNEL_ELEMENTS }, (_, i) => i),
        [KERNEL_ELEMENTS],
        { device },
      );
      const sum = await add(x, x).data();
      const kernel = { correct: sum.every((value, i) => value === 2 * i), milliseconds: performance.now() - start };
      const versions = {
        facegrad: packageVersion(),
        node: process.versions.node,
        platform: `${process.platform} ${process.arch}`,
        webgpu: dawnVersion(),
      };
      const report = describeDevice(device, versions, available, kernel, flags.backend);
      console.log(flags.json ? JSON.stringify(report, null, 2) : doctorLines(report).join('\n'));
      if (!kernel.correct) exitWith(exitCodes.failure);
    } finally {
      device.destroy();
    }
  });
}
