import { Command, Option } from 'commander';
import type { AugmentSpec } from '../data/augment/transforms.js';
import { SPLIT_NAMES, titleOf, type DataSet, type SplitName } from '../data/dataset.js';
import { auditCommand } from './data/audit.js';
import { cacheCommand } from './data/cache.js';
import { convertCommand } from './data/convert.js';
import { exploreCommand } from './data/explore.js';
import { infoCommand } from './data/info.js';
import { augmentOption } from './augment-option.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from './data-options.js';
import {
  addGpuOptions,
  dataDescription,
  excludeOption,
  integer,
  jsonDescription,
  oneOf,
  type GpuOptions,
} from './options.js';
import { columns, whole } from './report/format.js';

interface PreviewFlags extends DataFlags, GpuOptions {
  data: string;
  exclude?: string;
  split: SplitName;
  out: string;
  augment?: string;
  count?: number;
  columns: number;
  seed: number;
  json?: true;
}

export function dataCommand(): Command {
  return new Command('data')
    .summary('look at a data set')
    .addCommand(infoCommand())
    .addCommand(previewCommand())
    .addCommand(exploreCommand())
    .addCommand(auditCommand())
    .addCommand(convertCommand())
    .addCommand(cacheCommand())
    .addHelpText(
      'after',
      `
Examples:
  facegrad data info fer2013.csv
  facegrad data audit fer2013.csv --out audit`,
    );
}

function previewCommand(): Command {
  const split = new Option('--split <name>', 'which images').choices(SPLIT_NAMES).argParser(oneOf(SPLIT_NAMES));
  const command = new Command('preview')
    .summary('draw some images of each class into a PNG file')
    .description(
      'Count the images of each class, and draw some of each, one class below the other, into a PNG file. With --augment a row ' +
        'shows one image as it is, and then what the first epochs of a training with that seed make of it.',
    )
    .requiredOption('--data <path>', dataDescription)
    .addOption(excludeOption())
    .addOption(split.default('train'))
    .option('--out <file>', 'the PNG file', 'preview.png')
    .addOption(augmentOption('what is shown of it'))
    .option('--count <n>', 'images of each class (default: 12, with --augment 2)', integer(1, 10_000))
    .option('--columns <n>', 'images in a row', integer(1, 1000), 12)
    .option('--seed <n>', 'which images, and what augmentations draw', integer(0, 0xffff_ffff), 0)
    .option('--json', jsonDescription);
  return addGpuOptions(addDataOptions(command, '--shares'))
    .addHelpText(
      'after',
      `
Examples:
  facegrad data preview --data fer2013.csv
  facegrad data preview --data fer2013.csv --augment system-b --count 3`,
    )
    .action(async (flags: PreviewFlags) => {
      const { loadDataVisibly } = await import('./load-data.js');
      const { writeFileAtomic } = await import('../train/files.js');
      // Before the data is read, which may take long.
      const spec = await specOf(flags);
      const data = await loadDataVisibly(flags.data, flags.exclude, await dataFlagsOf(flags));
      await writeFileAtomic(flags.out, await sheetOf(data, spec, flags));
      const { countClasses } = await import('../data/stats.js');
      const counts = countClasses(data);
      if (flags.json) {
        const { name, classes, channels, height, width, fingerprint } = data;
        console.log(JSON.stringify({ file: flags.out, name, classes, channels, height, width, fingerprint, counts }));
        return;
      }
      console.log(`${titleOf(data)}: ${data.width}x${data.height}, ${data.channels === 1 ? 'grey' : 'colour'}`);
      const rows = data.classes.map((name, id) => [name, ...SPLIT_NAMES.map(split => whole(counts[split][id]!))]);
      const totals = ['all', ...SPLIT_NAMES.map(split => whole(data.splits[split].count))];
      console.log(columns([['', ...SPLIT_NAMES], ...rows, totals], 'lr').join('\n'));
      console.log(`${flags.split} images drawn into ${flags.out}`);
    });
}

async function specOf({ augment }: PreviewFlags): Promise<AugmentSpec | undefined> {
  if (augment === undefined) return undefined;
  const { readAugment } = await import('../data/augment/read.js');
  return await readAugment(augment);
}

async function sheetOf(data: DataSet, spec: AugmentSpec | undefined, flags: PreviewFlags): Promise<Buffer> {
  const { split, count, columns, seed } = flags;
  if (spec === undefined) {
    const { writeSheet } = await import('../data/sheet.js');
    return writeSheet(data, split, { count: count ?? 12, columns, seed });
  }
  const { writeAugmentedSheet } = await import('../data/augment/preview.js');
  const { openDevice } = await import('../gpu/node.js');
  const device = await openDevice(flags);
  try {
    return await writeAugmentedSheet(data, split, spec, { count: count ?? 2, columns, seed }, device);
  } finally {
    device.destroy();
  }
}
