import { Command, Option } from 'commander';
import { titleOf } from '../../data/dataset.js';
import { UserError } from '../../util/errors.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from '../data-options.js';
import { dataDescription, excludeOption, jsonDescription, oneOf } from '../options.js';
import { StatusLine } from '../status-line.js';
import { sourceOf } from './source.js';

const targets = ['folder', 'csv', 'cache'] as const;

interface Flags extends DataFlags {
  data?: string;
  exclude?: string;
  to: (typeof targets)[number];
  out?: string;
  json?: true;
}

export function convertCommand(): Command {
  const to = new Option(
    '--to <what>',
    "a folder of PNG files for each split and class, FER-2013's CSV file, the cache",
  );
  const command = new Command('convert')
    .summary('write a data set in another layout')
    .description(
      'Write a data set, with its labels as the options make them, as image folders or as a CSV file like fer2013.csv; or only ' +
        'decode it into the cache, so that later commands that take images of that size (--image-size) begin at once.',
    )
    .argument('[path]', dataDescription)
    .option('--data <path>', 'the same')
    .addOption(to.choices(targets).argParser(oneOf(targets)).makeOptionMandatory())
    .option('--out <path>', 'the folder or file to write; it must not exist yet')
    .addOption(excludeOption())
    .option('--json', jsonDescription);
  return addDataOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  facegrad data convert fer2013.csv --to folder --out faces
  facegrad data convert raf-db.zip --to cache --image-size 64`,
    )
    .action(async (path: string | undefined, flags: Flags) => {
      const { to, out } = flags;
      const source = sourceOf('convert', path, flags.data);
      if (to !== 'cache' && out === undefined) throw new UserError(`--to ${to} needs --out <path>`);
      if (to === 'cache' && out !== undefined)
        throw new UserError('--to cache has a place of its own: leave out --out');
      if (to === 'cache' && source === 'synthetic')
        throw new UserError('synthetic faces are drawn, and never in the cache');
      const { loadDataVisibly } = await import('../load-data.js');
      const data = await loadDataVisibly(source, flags.exclude, {
        ...(await dataFlagsOf(flags)),
        mustCache: to === 'cache',
      });
      if (out !== undefined) {
        const { writeFer2013Csv, writeImageFolder } = await import('../../data/convert.js');
        const line = new StatusLine();
        const write = to === 'csv' ? writeFer2013Csv : writeImageFolder;
        try {
          await write(data, out, fraction => {
            line.update(`writing ${out}`, fraction);
          });
        } finally {
          line.clear();
        }
      }
      const { train, val, test } = data.splits;
      const counts = { train: train.count, val: val.count, test: test.count };
      if (flags.json) console.log(JSON.stringify({ to, out, name: titleOf(data), ...counts }));
      else {
        const images = `${counts.train} training, ${counts.val} validation, ${counts.test} test images`;
        console.log(`${titleOf(data)}: ${images} ${out === undefined ? 'in the cache' : `written to ${out}`}`);
      }
    });
}
