import { InvalidArgumentError, Option, type Command } from 'commander';
import type { DataOptions } from '../data/options.js';
import { integer, number, oneOf } from './options.js';

// Names of src/data/formats/names.ts, labels/ferplus.ts and labels/spaces.ts, which are not loaded for a help text; a test
// compares them.
export const formatNames = [
  ...(['fer2013', 'fer2013-folders', 'ferplus', 'ferplus-folders', 'raf-db', 'affectnet'] as const),
  ...(['image-folder', 'image-list'] as const),
] as const;
export const labelRules = ['majority', 'argmax8', 'argmax10', 'distribution', 'sampled'] as const;
export const labelSpaces = ['fer2013', 'ferplus', 'raf-db', 'affectnet'] as const;

/** What the options that choose images and labels leave among a command's flags. */
export type DataFlags = Omit<DataOptions, 'split'> & { split?: unknown; shares?: DataOptions['split'] };

/**
 * The options that say which images of `--data` are used, and as what, for every command that loads a data set. Where
 * `--split` names a split already, the shares of drawn splits are `--shares`.
 */
export function addDataOptions(command: Command, sharesFlag: '--split' | '--shares' = '--split'): Command {
  return command
    .addOption(
      new Option('--dataset <name>', 'read --data in this layout (default: found by looking)')
        .choices(formatNames)
        .argParser(oneOf(formatNames)),
    )
    .option('--labels <file>', "FER+: fer2013new.csv, the votes on the images of FER-2013's CSV file")
    .addOption(
      new Option('--label-rule <name>', 'FER+: what votes become (default: majority)')
        .choices(labelRules)
        .argParser(oneOf(labelRules)),
    )
    .addOption(
      new Option(
        '--label-source <name>',
        'RAF-DB, AffectNet-HQ: whose labels count where both are there (default: csv)',
      )
        .choices(['csv', 'folder'])
        .argParser(oneOf(['csv', 'folder'])),
    )
    .option(
      '--min-relfcs <x>',
      'AffectNet-HQ: leave out images of lower confidence',
      number('such as 0.5', Number.isFinite),
    )
    .option(
      `${sharesFlag} <shares>`,
      'draw new splits, such as 64/16/20 for train/val/test, class by class',
      parseShares,
    )
    .option('--split-seed <n>', 'of drawn splits and of --per-class (default: 0)', integer(0, 0xffff_ffff))
    .option(
      '--map-labels <map>',
      `take the classes of ${labelSpaces.join(', ')}, or old=new pairs between commas; old=- leaves a class out`,
    )
    .option('--classes-keep <names>', 'use only these classes, between commas', parseNames)
    .option('--per-class <n>', 'use at most n images of each class', integer(1))
    .option(
      '--max-bad <percent>',
      'stop where more of the image files are damaged (default: 1)',
      number('from 0 to 100', value => value >= 0 && value <= 100),
    )
    .addOption(
      new Option('--channels <n>', 'take image files as grey (1) or colour (3) (default: as they are)')
        .choices(['1', '3'])
        .argParser(text => Number(oneOf(['1', '3'])(text))),
    )
    .option(
      '--image-size <n>',
      "pack larger image files in this size (default: the model's input size, a fifth more with --augment)",
      integer(1, 16_384),
    )
    .option('--equalize', "equalise each image's histogram, channel by channel, when it is packed");
}

/** The data options among a command's flags. */
export async function dataFlagsOf(flags: DataFlags): Promise<DataOptions> {
  const { dataOptionsOf } = await import('../data/options.js');
  const { split, shares, ...rest } = flags;
  const drawn = shares ?? (Array.isArray(split) ? (split as unknown as DataOptions['split']) : undefined);
  return dataOptionsOf({ ...rest, ...(drawn === undefined ? {} : { split: drawn }) });
}

/** `64/16/20`: train, val and test, of any sum. */
export function parseShares(text: string): [number, number, number] {
  const parts = text.split('/').map(part => (/^\d+(\.\d+)?$/.test(part.trim()) ? Number(part) : NaN));
  const [train, val, test, ...more] = parts;
  if (train === undefined || val === undefined || test === undefined || more.length > 0 || parts.some(Number.isNaN)) {
    throw new InvalidArgumentError('Give three numbers between slashes, such as 64/16/20.');
  }
  if (train === 0) throw new InvalidArgumentError('The first share is that of training images; it must be above 0.');
  return [train, val, test];
}

function parseNames(text: string): string[] {
  const names = text.split(',').map(name => name.trim());
  if (names.length < 2 || !names.every(Boolean)) {
    throw new InvalidArgumentError('Give two or more names between commas.');
  }
  return names;
}
