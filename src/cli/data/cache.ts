import { basename } from 'node:path';
import { Command } from 'commander';
import { jsonDescription } from '../options.js';
import { bytes, columns } from '../report/format.js';

export function cacheCommand(): Command {
  return new Command('cache')
    .summary('list or clear the packed data sets')
    .description(
      'Decoded data sets are kept in the cache folder (FACEGRAD_CACHE says where). Packs of an earlier state of a data set go by ' +
        'themselves, and beyond 32 GiB those that were used longest ago.',
    )
    .option('--clear', 'remove all of them')
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad data cache
  facegrad data cache --clear`,
    )
    .action(async (flags: { clear?: true; json?: true }) => {
      const { clearPacks, dataCacheFolder, listPacks } = await import('../../data/cache.js');
      const folder = dataCacheFolder();
      if (flags.clear) {
        const removed = await clearPacks(folder);
        const done = `${removed.packs} packs removed from ${folder}, ${bytes(removed.bytes)}`;
        console.log(flags.json ? JSON.stringify({ folder, ...removed }) : done);
        return;
      }
      const packs = await listPacks(folder);
      if (flags.json) {
        console.log(JSON.stringify({ folder, packs }));
        return;
      }
      const rows = packs.map(pack => [basename(pack.path), bytes(pack.bytes), new Date(pack.used).toISOString()]);
      console.log([`${packs.length} packs in ${folder}`, ...columns(rows, 'lrl')].join('\n'));
    });
}
