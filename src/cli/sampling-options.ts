import { InvalidArgumentError, Option } from 'commander';
import { parseClassWeighting } from '../data/sampling/class-weights.js';
import { parseSampler } from '../data/sampling/sampler.js';
import { UserError } from '../util/errors.js';

/** Options of training that say how often classes are seen and what they weigh. Values are checked and kept as text. */

export function samplerOption(defaultText: string): Option {
  return new Option(
    '--sampler <name>',
    'images of an epoch: shuffle (each once), weighted[:<class weights>] (drawn with replacement, balanced by default), ' +
      `oversample (classes repeated up to the largest) (default: ${defaultText})`,
  ).argParser(checked(parseSampler));
}

export function classWeightsOption(defaultText: string): Option {
  return new Option(
    '--class-weights <scheme>',
    'of the training loss: none, balanced, inverse-sqrt, effective[:beta], or a number for each class between commas ' +
      `(default: ${defaultText})`,
  ).argParser(checked(parseClassWeighting));
}

function checked(parse: (text: string) => unknown): (text: string) => string {
  return text => {
    try {
      parse(text);
    } catch (error) {
      throw error instanceof UserError ? new InvalidArgumentError(`${error.message}.`) : error;
    }
    return text;
  };
}
