import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { SPLIT_NAMES, type SplitName } from '../../data/dataset.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from '../data-options.js';
import { dataDescription, excludeOption, integer, jsonDescription, oneOf } from '../options.js';
import { sourceOf } from './source.js';

interface Flags extends DataFlags {
  data?: string;
  exclude?: string;
  out: string;
  split: SplitName;
  count: number;
  seed: number;
  json?: true;
}

export function exploreCommand(): Command {
  const split = new Option('--split <name>', 'whose images are shown')
    .choices(SPLIT_NAMES)
    .argParser(oneOf(SPLIT_NAMES));
  const command = new Command('explore')
    .summary('draw what is in a data set')
    .description(
      'Draw the distribution of classes (bars and pie), the pixel intensities, the average face of each class and samples: ' +
        'each as SVG and PNG, and all of it as index.html, a page that needs no other file and no network.',
    )
    .argument('[path]', dataDescription)
    .option('--data <path>', 'the same')
    .addOption(excludeOption())
    .option('--out <folder>', 'where the files go', 'explore')
    .addOption(split.default('train'))
    .option('--count <n>', 'samples of each class', integer(1, 200), 12)
    .option('--seed <n>', 'which samples', integer(0, 0xffff_ffff), 0)
    .option('--json', jsonDescription);
  return addDataOptions(command, '--shares')
    .addHelpText(
      'after',
      `
Examples:
  facegrad data explore fer2013.csv --out explore
  facegrad data explore raf-db.zip --split test --count 24`,
    )
    .action(async (path: string | undefined, flags: Flags) => {
      const { loadDataVisibly } = await import('../load-data.js');
      const { exploreDataSet } = await import('../../data/explore/explore.js');
      const { createFolder, writeFileAtomic } = await import('../../train/files.js');
      const data = await loadDataVisibly(
        sourceOf('explore', path, flags.data),
        flags.exclude,
        await dataFlagsOf(flags),
      );
      await createFolder(resolve(flags.out));
      const files = await exploreDataSet(data, flags);
      for (const [name, content] of files) await writeFileAtomic(join(flags.out, name), content);
      const page = join(flags.out, 'index.html');
      const paths = [...files.keys()].map(name => join(flags.out, name));
      console.log(flags.json ? JSON.stringify({ page, files: paths }) : `${paths.length} files; open ${page}`);
    });
}
