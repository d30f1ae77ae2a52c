import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { auditDataSet, auditDefaults } from '../../data/audit/audit.js';
import { CONFLICT_RULES, type ConflictRule } from '../../data/audit/choose.js';
import { MOST_DISTANCE } from '../../data/audit/hash-index.js';
import { addDataOptions, dataFlagsOf, type DataFlags } from '../data-options.js';
import { dataDescription, integer, jsonDescription, number, oneOf } from '../options.js';
import { StatusLine } from '../status-line.js';
import { sourceOf } from './source.js';

interface Flags extends DataFlags {
  data?: string;
  out: string;
  near: boolean;
  distance: number;
  correlation: number;
  blank: number;
  conflicts: ConflictRule;
  json?: true;
}

export function auditCommand(): Command {
  const conflicts = new Option(
    '--conflicts <rule>',
    'of copies with different labels keep one, one of the majority, none',
  );
  const command = new Command('audit')
    .summary('find duplicates, conflicting labels and blank images')
    .description(
      'Find identical images, near duplicates and blank images within splits and across them. Writes findings.csv with ' +
        'every finding, and exclude.csv, a list for --exclude that keeps one image of each group, the test image where ' +
        'there is one.',
    )
    .argument('[path]', dataDescription)
    .option('--data <path>', 'the same')
    .option('--out <folder>', 'where the two files go', 'audit')
    .option('--no-near', 'look for identical images only')
    .option(
      '--distance <bits>',
      'bits of 63 in which hashes of near duplicates differ at most',
      integer(0, MOST_DISTANCE),
      auditDefaults.distance,
    )
    .option(
      '--correlation <r>',
      'of the pixels of near duplicates, at least',
      number('above 0, up to 1', value => value > 0 && value <= 1),
      auditDefaults.correlation,
    )
    .option(
      '--blank <levels>',
      'standard deviation below which an image is blank, in grey levels of 255; 0: none is',
      number('of 0 or more', value => value >= 0),
      auditDefaults.blank,
    )
    .addOption(conflicts.choices(CONFLICT_RULES).argParser(oneOf(CONFLICT_RULES)).default('keep'))
    .option('--json', jsonDescription);
  return addDataOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  facegrad data audit fer2013.csv --out audit
  facegrad data audit raf-db.zip --no-near --conflicts none`,
    )
    .action(runAudit);
}

async function runAudit(path: string | undefined, flags: Flags): Promise<void> {
  const { loadDataVisibly } = await import('../load-data.js');
  const { chooseExclusions } = await import('../../data/audit/choose.js');
  const { findingsCsv } = await import('../../data/audit/findings.js');
  const { summariseAudit } = await import('../../data/audit/summary.js');
  const { formatExclusions } = await import('../../data/exclude.js');
  const { createFolder, writeFileAtomic } = await import('../../train/files.js');
  const { auditLines } = await import('../report/audit.js');
  const { out, near, distance, correlation, blank, json } = flags;
  const data = await loadDataVisibly(sourceOf('audit', path, flags.data), undefined, await dataFlagsOf(flags));
  await createFolder(resolve(out));
  const began = performance.now();
  const status = new StatusLine();
  const onProgress = (fraction: number, text: string) => {
    status.update(text, fraction);
  };
  const audit = auditDataSet(data, { near, distance, correlation, blank, onProgress });
  status.clear();
  const exclusions = chooseExclusions(audit, flags.conflicts);
  const files = { findings: join(out, 'findings.csv'), exclude: join(out, 'exclude.csv') };
  await writeFileAtomic(files.findings, findingsCsv(data, audit, exclusions));
  await writeFileAtomic(files.exclude, formatExclusions(data, exclusions));
  const report = {
    summary: summariseAudit(audit, near),
    exclusions,
    files,
    seconds: (performance.now() - began) / 1000,
  };
  if (json) {
    const { name, fingerprint } = data;
    console.log(JSON.stringify({ name, fingerprint, ...report, exclusions: exclusions.length }));
  } else {
    console.log(auditLines(data, report, blank).join('\n'));
  }
}
