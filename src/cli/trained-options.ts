import { Option, type Command } from 'commander';
import type { Trained } from '../evaluate/trained.js';
import { UserError } from '../util/errors.js';
import { activationOption, inputSizeOption, seOption } from './model-options.js';

/** Options that say which trained network a command works on. */
export interface TrainedFlags {
  run?: string | undefined;
  model?: string;
  weights?: string;
  inputSize?: number;
  se?: true;
  activation?: 'relu' | 'sigmoid';
}

/** `--run`, or `--weights` with what it may need. */
export function addTrainedOptions(command: Command): Command {
  return addWeightsOptions(command.option('--run <folder>', 'a run of facegrad train; its best weights are taken'));
}

export const weightsDescription = "safetensors, or PyTorch's .pth, with the names of PyTorch or timm";

/** `--weights` with what it may need, for commands whose `--run`, or `--weights` itself, is of another kind. */
export function addWeightsOptions(
  command: Command,
  weights = new Option('--weights <file>', weightsDescription),
): Command {
  return command
    .option('--model <name>', 'with --weights; those of facegrad know theirs')
    .addOption(weights)
    .addOption(
      inputSizeOption("side of the square images that the model gets (default: the weights' own, else the model's)"),
    )
    .addOption(seOption())
    .addOption(activationOption());
}

/**
 * Reads what these options name; `command` is called so in messages.
 * @throws UserError where they contradict each other, or name no run, file or model
 */
export async function readTrained(flags: TrainedFlags, command: string): Promise<Trained> {
  const { run, model, weights, inputSize, se, activation } = flags;
  const { findModel } = await import('./find-model.js');
  const { readTrainedRun, readTrainedWeights } = await import('../evaluate/trained.js');
  if (model !== undefined) findModel({ model });
  if (run !== undefined) {
    if (model !== undefined || weights !== undefined) {
      throw new UserError('--run brings its own model and weights: leave out --model and --weights');
    }
    if (inputSize !== undefined || se || activation !== undefined) {
      throw new UserError('--run brings its own network: leave out --input-size, --se and --activation');
    }
    const trained = await readTrainedRun(run);
    findModel(trained.model);
    return trained;
  }
  if (weights === undefined) {
    throw new UserError(
      model === undefined ? `${command} needs --run <folder>, or --weights <file>` : '--model needs --weights <file>',
    );
  }
  const trained = await readTrainedWeights(weights, {
    ...(model === undefined ? {} : { model }),
    ...(inputSize === undefined ? {} : { inputSize }),
    ...(se ? { se } : {}),
    ...(activation === undefined ? {} : { activation }),
  });
  findModel(trained.model);
  return trained;
}
