import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { UserError } from '../../util/errors.js';
import { FER2013_USAGES } from '../fer2013/layout.js';
import { applyLabelRule, classesOfRule, FERPLUS_VOTES, type LabelRule } from '../labels/ferplus.js';
import type { LabelledImage } from '../labels/image.js';
import type { DataOptions } from '../options.js';
import type { ImageStore } from '../store.js';
import { FolderTree } from '../tree/folder.js';
import { CsvTable, type CsvRow } from './csv.js';
import { fer2013, requirePixelCsv } from './fer2013.js';
import type { Format } from './format.js';
import type { Source } from '../tree/open.js';

export const FERPLUS_VOTES_FILE = 'fer2013new.csv';

/** FER+: its votes, on the pixels of a FER-2013 CSV file. */
export const ferplus: Format = {
  name: 'ferplus',
  layout: `FER-2013's CSV file with --labels ${FERPLUS_VOTES_FILE}, or a folder that has both`,
  options: ['labels', 'labelRule'],
  async matches(source, options) {
    const hasVotes = options.labels !== undefined || source.tree.files.has(FERPLUS_VOTES_FILE);
    return hasVotes && (await fer2013.matches(source, options));
  },
  async plan(source, options) {
    const rule = options.labelRule ?? 'majority';
    const pixels = requirePixelCsv(source);
    const table = await votesOf(source, options);
    table.require('Usage', 'Image name', ...FERPLUS_VOTES);
    return {
      ...describeRule(rule),
      pixels,
      ownClasses: false,
      warnings: [],
      images: store => labelRows(table, store, rule, source.path),
    };
  },
};

/** Name, classes and labelling of FER+ under a rule. */
export function describeRule(rule: LabelRule) {
  return {
    name: 'FER+',
    classes: classesOfRule(rule),
    labelling: `rule ${rule}`,
    ...(rule === 'sampled' ? { drawsTargets: true } : {}),
  };
}

/**
 * Ten votes, each a whole number.
 * @throws {UserError} with file and line
 */
export function parseVotes(cells: readonly string[], row: CsvRow, file: string): number[] {
  return FERPLUS_VOTES.map((name, i) => {
    const text = cells[i] ?? '';
    if (/^\d+$/.test(text)) return Number(text);
    throw new UserError(`${file}, line ${row.line}: the votes for ${name} are ${JSON.stringify(text)}, not a number`);
  });
}

async function votesOf(source: Source, { labels }: DataOptions): Promise<CsvTable> {
  if (labels === undefined) {
    const inside = source.tree.files.has(FERPLUS_VOTES_FILE);
    if (!inside) throw new UserError(`${source.path}: FER+ needs its votes: --labels ${FERPLUS_VOTES_FILE}`);
    return new CsvTable(await source.tree.readText(FERPLUS_VOTES_FILE), `${source.path}: ${FERPLUS_VOTES_FILE}`);
  }
  const isFile = await stat(labels).then(
    info => info.isFile(),
    () => false,
  );
  if (!isFile) throw new UserError(`--labels ${labels}: no such file; ${FERPLUS_VOTES_FILE} is expected`);
  const tree = await FolderTree.of(labels);
  return new CsvTable(await tree.readText(basename(labels)), labels);
}

/** The n-th line of votes belongs to the n-th image of the CSV file of pixels. An empty name marks one that FER+ drops. */
function labelRows(table: CsvTable, store: ImageStore, rule: LabelRule, pixels: string): LabelledImage[] {
  const { rows, file } = table;
  if (rows.length !== store.names.length) {
    throw new UserError(
      `${file} has votes on ${rows.length} images, ${pixels} has ${store.names.length}: they do not belong together`,
    );
  }
  const lineOf = (slot: number) => Number(store.names[slot]!.replace(/\D+/, ''));
  // The store holds split after split; the votes have the order of the file.
  const slots = store.names.map((_, slot) => slot).sort((a, b) => lineOf(a) - lineOf(b));
  const images: LabelledImage[] = [];
  rows.forEach((row, i) => {
    const slot = slots[i]!;
    const split = store.splits![slot]!;
    const usage = table.cell(row, 'Usage');
    if (FER2013_USAGES.get(usage) !== split) {
      table.fail(
        row,
        `Usage is ${JSON.stringify(usage)}, but the image (${store.names[slot]!} of ${pixels}) is in ${split}`,
      );
    }
    const votes = parseVotes(
      FERPLUS_VOTES.map(name => table.cell(row, name)),
      row,
      file,
    );
    const labelled = table.cell(row, 'Image name') === '' ? undefined : applyLabelRule(rule, votes);
    if (labelled) images.push({ slot, split, ...labelled });
  });
  return images;
}
