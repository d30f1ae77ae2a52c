import { Option } from 'commander';
import { integer, number, oneOf } from './options.js';

/** Options that say how a network is built, for the commands that build one. */

export function inputSizeOption(description: string): Option {
  return new Option('--input-size <n>', description).argParser(integer(1, 16_384));
}

export function dropoutOption(): Option {
  return new Option('--dropout <p>', "probability of the model's dropout (default: its own)").argParser(
    number('from 0 to below 1', value => value >= 0 && value < 1),
  );
}

export function seOption(): Option {
  return new Option('--se', 'squeeze-and-excitation in residual blocks');
}

const activations = ['relu', 'sigmoid'] as const;

export function activationOption(): Option {
  return new Option('--activation <name>', 'activation of ferplus-cnn (default: relu)')
    .choices(activations)
    .argParser(oneOf(activations));
}
