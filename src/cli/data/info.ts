import { Command } from 'commander';
import { addDataOptions, dataFlagsOf, type DataFlags } from '../data-options.js';
import { dataDescription, excludeOption, jsonDescription } from '../options.js';
import { sourceOf } from './source.js';

interface Flags extends DataFlags {
  data?: string;
  exclude?: string;
  json?: true;
}

export function infoCommand(): Command {
  const command = new Command('info')
    .summary('count and measure a data set')
    .description(
      'Splits, classes and their ratios, mean and deviation of pixels, labels, fingerprint, and what to beware of.',
    )
    .argument('[path]', dataDescription)
    .option('--data <path>', 'the same')
    .addOption(excludeOption())
    .option('--json', jsonDescription);
  return addDataOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  facegrad data info fer2013.csv
  facegrad data info photographs.zip --split 70/15/15 --json`,
    )
    .action(async (path: string | undefined, flags: Flags) => {
      const { loadDataVisibly } = await import('../load-data.js');
      const { dataStatistics } = await import('../../data/stats.js');
      const { dataWarnings } = await import('../../data/warnings.js');
      const { infoJson, infoLines } = await import('../report/info.js');
      const data = await loadDataVisibly(sourceOf('info', path, flags.data), flags.exclude, await dataFlagsOf(flags));
      const info = { data, statistics: dataStatistics(data), warnings: dataWarnings(data) };
      console.log(flags.json ? JSON.stringify(infoJson(info)) : infoLines(info).join('\n'));
    });
}
