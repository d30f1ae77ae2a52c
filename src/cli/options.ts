import { InvalidArgumentError, Option, type Command } from 'commander';
import { suggestion } from './suggest.js';

/** Parsers of option values. Each names the range; commander's message names the option and the value. */

/** A whole number from `least` to `most`. */
export function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return text => {
    const value = /^[+-]?\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Give a whole number ${range}.`);
  };
}

/** A number that meets `test`, which `range` puts into words. */
export function number(range: string, test: (value: number) => boolean): (text: string) => number {
  return text => {
    const value = parseNumber(text);
    if (test(value)) return value;
    throw new InvalidArgumentError(`Give a number ${range}.`);
  };
}

/** Numbers between commas, one for each channel; each is above `least`. */
export function perChannel(least = -Infinity): (text: string) => number[] {
  return text => {
    const values = text.split(',').map(parseNumber);
    if (values.every(value => value > least)) return values;
    const range = least === -Infinity ? '' : ` above ${least}`;
    throw new InvalidArgumentError(`Give a number${range} for each channel, between commas.`);
  };
}

/** One of `valid`. */
export function oneOf<T extends string>(valid: readonly T[]): (text: string) => T {
  return text => {
    const found = valid.find(name => name === text);
    if (found === undefined) throw new InvalidArgumentError(`${capitalised(suggestion(text, valid))}.`);
    return found;
  };
}

/** Several of an option, in order. */
export function collect(text: string, before: readonly string[] = []): string[] {
  return [...before, text];
}

function parseNumber(text: string): number {
  // Number('') is 0, Number('0x10') 16 and Number('1e999') infinite; none is what somebody meant.
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : NaN;
  return Number.isFinite(value) ? value : NaN;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export interface GpuOptions {
  adapter?: string;
  backend?: string;
}

// Dawn's own names; the list in src/gpu/node.ts cannot be imported without loading Dawn.
const backends = ['vulkan', 'metal', 'd3d12', 'd3d11', 'opengl', 'opengles'] as const;

/** `--adapter` and `--backend`, for every command that uses the GPU. */
export function addGpuOptions(command: Command): Command {
  return command
    .option('--adapter <which>', "high-performance, low-power, or part of the adapter's name")
    .addOption(
      new Option('--backend <name>', 'graphics API below WebGPU').choices(backends).argParser(oneOf(backends)),
    );
}

const precisions = ['f32', 'amp'] as const;

/** `--precision`, where networks run; `byDefault` in words. */
export function precisionOption(byDefault = 'f32'): Option {
  return new Option(
    '--precision <name>',
    'f32, or amp: products and convolutions on 16-bit operands with 32-bit sums, where the adapter has subgroup matrices ' +
      `(default: ${byDefault})`,
  )
    .choices(precisions)
    .argParser(oneOf(precisions));
}

/** `--mean` and `--std`. */
export function addNormalisationOptions(command: Command, defaultText: string): Command {
  return command
    .option('--mean <numbers>', `subtracted from pixels in 0..1, per channel (default: ${defaultText})`, perChannel())
    .option('--std <numbers>', 'divides what is left, per channel (default: likewise)', perChannel(0));
}

/** `--exclude`, for every command that loads a data set. */
export function excludeOption(): Option {
  return new Option(
    '--exclude <list>',
    'leave out the images of a list that `facegrad data audit` wrote for these data',
  );
}

export const jsonDescription = 'one JSON value on standard output, everything else on standard error';

export const dataDescription =
  'a data set: FER-2013, FER+, RAF-DB, AffectNet-HQ, folders or a list of images, also in an archive, or synthetic';
