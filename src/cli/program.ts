import { Command } from 'commander';
import { benchCommand } from './bench.js';
import { convertCommand } from './convert.js';
import { compareCommand } from './compare.js';
import { completionCommand } from './completion.js';
import { dataCommand } from './data.js';
import { doctorCommand } from './doctor.js';
import { exitCodes, reportError } from './errors.js';
import { evalCommand } from './eval.js';
import { exportCommand } from './export.js';
import { kernelsCommand } from './kernels.js';
import { lrFindCommand } from './lr-find.js';
import { modelsCommand } from './models.js';
import { predictCommand } from './predict.js';
import { profileCommand } from './profile.js';
import { hidePasswords } from './queue/options.js';
import { recipesCommand } from './recipes.js';
import { reportCommand } from './report-command.js';
import { runsCommand } from './runs.js';
import { serveCommand } from './serve.js';
import { outliveStreams, streamsServe } from './standard-streams.js';
import { trainCommand } from './train.js';
import { transferCommand } from './transfer.js';
import { tuneCommand } from './tune.js';
import { tuneKernelsCommand } from './tune-kernels.js';
import { packageVersion } from './version.js';
import { workerCommand } from './worker.js';

/**
 * Runs one command line and gives the exit code: 0, 1 for faults of the program or the machine, 2 for faults in what
 * was asked for, 3 where all is done but what could not be read, 130 or 143 after Ctrl-C or SIGTERM. Commands load what
 * they need when they run, so that help is quick.
 */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  hidePasswords(argv);
  outliveStreams();
  let exitCode: number = exitCodes.success;
  const program = createProgram(code => {
    exitCode = code;
  }).hook('preAction', (_, command) => {
    streamsServe(command);
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    return reportError(error, text => process.stderr.write(text));
  }
}

const EPILOGUE = `
Examples:
  facegrad train simple-cnn --data synthetic --epochs 4 --out runs/first
  facegrad eval --run runs/first --split test
  facegrad help data audit

Exit codes: 0 done; 1 a fault of the program or the machine, or a check that
failed; 2 a fault in the command line, a file or the data, which the message
says how to mend; 3 done but for what could not be read; 130 after Ctrl-C,
143 after SIGTERM.

Environment: FACEGRAD_DEBUG=1 shows where a fault comes from, FACEGRAD_CACHE is
the folder of packed data sets, FACEGRAD_QUEUE the URL of a queue, NO_COLOR and
CI are respected.`;

/** `exitWith` is told the exit code of a command that ends without a fault but not with 0. */
export function createProgram(exitWith: (code: number) => void): Command {
  const program = new Command('facegrad')
    .description('Train and evaluate facial-expression networks with WebGPU compute shaders.')
    .version(packageVersion(), '-V, --version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    // What follows the name of a command is its own, also where the command above has an option of that name.
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .addCommand(trainCommand(exitWith))
    .addCommand(evalCommand())
    .addCommand(predictCommand(exitWith))
    .addCommand(serveCommand(exitWith))
    .addCommand(transferCommand(exitWith))
    .addCommand(exportCommand())
    .addCommand(lrFindCommand(exitWith))
    .addCommand(tuneCommand(exitWith))
    .addCommand(modelsCommand())
    .addCommand(recipesCommand())
    .addCommand(compareCommand(exitWith))
    .addCommand(workerCommand(exitWith))
    .addCommand(reportCommand(exitWith))
    .addCommand(runsCommand())
    .addCommand(profileCommand())
    .addCommand(benchCommand(exitWith))
    .addCommand(tuneKernelsCommand())
    .addCommand(kernelsCommand(exitWith))
    .addCommand(dataCommand())
    .addCommand(convertCommand())
    .addCommand(doctorCommand(exitWith))
    .addCommand(completionCommand())
    .addHelpText('after', EPILOGUE);
  applyToAll(program, command => {
    command
      .exitOverride()
      .helpOption('-h, --help', 'show help')
      .configureOutput({
        outputError: (text, write) => {
          write(text.replace(/^error: /, 'facegrad: '));
        },
      });
  });
  return program;
}

function applyToAll(command: Command, change: (command: Command) => void): void {
  change(command);
  for (const child of command.commands) applyToAll(child, change);
}
