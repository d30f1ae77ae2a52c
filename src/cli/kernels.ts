import { Command } from 'commander';
import type { CheckFlags } from './kernels/check.js';
import type { CourseFlags } from './kernels/course.js';
import type { ListFlags } from './kernels/list.js';
import type { RunFlags } from './kernels/run.js';
import type { ShowFlags } from './kernels/show.js';
import { addGpuOptions, integer, jsonDescription, number } from './options.js';

const shapeDescription = 'sizes that differ from the default, such as n=8,c=64,size=24';

export function kernelsCommand(exitWith: (code: number) => void): Command {
  const command = new Command('kernels')
    .summary('list, show, check and race compute shaders')
    .description(
      'List the compute shaders with what they declare; or show, check and race single kernels (docs/shaders/).',
    )
    // The commands below have a --json of their own.
    .enablePositionalOptions()
    .option('--json', jsonDescription)
    .action(async (flags: ListFlags) => {
      const { listKernels } = await import('./kernels/list.js');
      listKernels(flags);
    })
    .addCommand(showCommand())
    .addCommand(runCommand(exitWith))
    .addCommand(courseCommand(exitWith))
    .addCommand(checkCommand(exitWith));
  return command.addHelpText(
    'after',
    `
Examples:
  facegrad kernels
  facegrad kernels show conv2d_forward --shape n=32,c=64,o=128
  facegrad kernels run mine.wgsl --against matmul_nn
  facegrad kernels course
  facegrad kernels check my.wgsl`,
  );
}

function showCommand(): Command {
  const command = new Command('show')
    .summary('print the WGSL that the engine compiles for a shape')
    .description(
      'Print the launches for a shape on this adapter, with the choices of tune-kernels, and the WGSL that each compiles: ' +
        'the shader file with the values of its constants.',
    )
    .argument(
      '<kernel>',
      'a name of `facegrad kernels`; an entry point alone, such as batch_norm_apply, shows only its own',
    )
    .option('--shape <sizes>', shapeDescription)
    .option('--portable', 'as on an adapter without subgroups; needs none')
    .option('--lanes <n>', 'as on an adapter with so many lanes a subgroup; needs none', integer(4, 128))
    .option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad kernels show matmul_nn --shape n=512
  facegrad kernels show conv2d_backward_input --shape c=32,o=64,size=48
  facegrad kernels show batch_norm_apply --portable`,
  );
  return command.action(async (kernel: string, flags: ShowFlags) => {
    const { showKernel } = await import('./kernels/show.js');
    await showKernel(kernel, flags);
  });
}

function runCommand(exitWith: (code: number) => void): Command {
  const command = new Command('run')
    .summary('check and time a shader of your own beside ours')
    .description(
      "Compile a WGSL file, compare its result with float64 at some elements and with our own kernel's at all of them, and " +
        'time both in turns. The file is a changed copy of one of ours, or says how it is launched (docs/shaders/README.md).',
    )
    .argument('<file>', 'the WGSL file')
    .requiredOption('--against <kernel>', 'what it computes; `facegrad kernels` lists the names')
    .option('--shape <sizes>', shapeDescription)
    .option('--watch', 'again at each save, until Ctrl-C')
    .option(
      '--budget <seconds>',
      'time for the race; 0 only checks',
      number('from 0', value => value >= 0),
      3,
    )
    .option('--portable', 'take our kernels for adapters without subgroups')
    .option('--json', `${jsonDescription}; with --watch one line for each save`);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad kernels run mine.wgsl --against conv2d_forward --shape n=4 --watch
  facegrad kernels run mine.wgsl --against matmul_nn`,
  );
  return command.action(async (file: string, flags: RunFlags) => {
    const { runKernel } = await import('./kernels/run.js');
    const code = await runKernel(file, flags);
    if (code !== undefined) exitWith(code);
  });
}

function courseCommand(exitWith: (code: number) => void): Command {
  const command = new Command('course')
    .summary('race each step of the shader course against ours')
    .description(
      'Check each step of docs/shaders/ and race it against our own kernel, one after the other, and print the tables of ' +
        'its chapters as Markdown: how many times our speed a step runs at, in the middle half of the rounds, and what it reaches.',
    )
    .argument('[kernels...]', 'only the steps to these (default: all)')
    .option(
      '--budget <seconds>',
      'time for each race',
      number('above 0', value => value > 0),
      3,
    )
    .option('--portable', 'take our kernels for adapters without subgroups')
    .option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad kernels course
  facegrad kernels course matmul_nn --budget 10`,
  );
  return command.action(async (kernels: string[], flags: CourseFlags) => {
    const { runCourse } = await import('./kernels/course.js');
    const code = await runCourse(kernels, flags);
    if (code !== undefined) exitWith(code);
  });
}

function checkCommand(exitWith: (code: number) => void): Command {
  return new Command('check')
    .summary('compile shader files, and each entry point in them')
    .description(
      'Compile shader files and each entry point in them by Dawn alone: no GPU is needed. Ends with 1 where one does not ' +
        'compile.',
    )
    .argument('[files...]', 'WGSL files (default: all of shaders/)')
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad kernels check
  facegrad kernels check mine.wgsl`,
    )
    .action(async (files: string[], flags: CheckFlags) => {
      const { checkKernels } = await import('./kernels/check.js');
      if (!(await checkKernels(files, flags))) {
        const { exitCodes } = await import('./errors.js');
        exitWith(exitCodes.failure);
      }
    });
}
