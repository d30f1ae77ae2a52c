import { basename, isAbsolute } from 'node:path';
import { UserError } from '../../util/errors.js';
import { SPLIT_NAMES, type SplitName } from '../dataset.js';
import { FER2013_USAGES } from '../fer2013/layout.js';
import type { LabelledImage } from '../labels/image.js';
import type { Source } from '../tree/open.js';
import { missingFile, type TreeFile } from '../tree/tree.js';
import { CsvTable, type CsvRow } from './csv.js';
import { firstLineOf } from './first-line.js';
import type { Format } from './format.js';
import { MOST_CLASSES } from './image-folder.js';

/** A CSV file that names images, relative to where it stands, and their labels; a column `split` may place them. */
export const imageList: Format = {
  name: 'image-list',
  layout: 'a CSV file with the columns image and label, and split if there are splits',
  options: [],
  async matches(source) {
    const file = listOf(source);
    if (file === undefined) return false;
    const columns = (await firstLineOf(source.tree.place(file))).toLowerCase().split(',');
    return columns.some(name => unquoted(name) === 'image') && columns.some(name => unquoted(name) === 'label');
  },
  async plan(source) {
    const list = listOf(source);
    if (list === undefined) throw new UserError(`${source.path}: ${imageList.layout} is expected`);
    const table = new CsvTable(await source.tree.readText(list), inSource(source, list));
    table.require('image', 'label');
    if (table.rows.length === 0) throw new UserError(`${table.file}: the list names no images`);
    const classes = classesOf(table);
    const ids = new Map(classes.map((name, id) => [name, id]));
    const files: TreeFile[] = [];
    const images: LabelledImage[] = [];
    for (const row of table.rows) {
      const name = imageNameOf(table, row, source);
      const slot = files.push((await source.tree.find(name)) ?? missingFile(name)) - 1;
      const split = table.has('split') ? splitOf(table, row) : undefined;
      images.push({ slot, label: ids.get(table.cell(row, 'label'))!, ...(split ? { split } : {}) });
    }
    const hasSplits = images.some(({ split }) => split !== undefined);
    return {
      name: basename(list),
      classes,
      pixels: { kind: 'images', files },
      ownClasses: true,
      ...(hasSplits && !images.some(({ split }) => split === 'val') ? { drawValidation: true } : {}),
      warnings: [],
      images: () => images,
    };
  },
};

/** The file that the user named, else the only CSV file at the top. */
function listOf({ tree, file }: Source): string | undefined {
  if (file !== undefined) return file;
  const lists = [...tree.files.keys()].filter(name => /^[^/]+\.csv$/i.test(name));
  return lists.length === 1 ? lists[0] : undefined;
}

function inSource({ path, file }: Source, list: string): string {
  return file === undefined ? `${path}: ${list}` : path;
}

/** Every label that occurs: numbers by value, words by name. */
function classesOf(table: CsvTable): string[] {
  for (const row of table.rows) {
    if (table.cell(row, 'label') === '') table.fail(row, 'there is no label');
  }
  const labels = [...new Set(table.rows.map(row => table.cell(row, 'label')))];
  if (labels.length < 2) throw new UserError(`${table.file}: all images have the label ${labels[0]!}`);
  if (labels.length > MOST_CLASSES) {
    throw new UserError(`${table.file}: ${labels.length} different labels; at most ${MOST_CLASSES} are told apart`);
  }
  const numbers = labels.every(label => /^\d+$/.test(label));
  return labels.sort((a, b) => (numbers ? Number(a) - Number(b) : a < b ? -1 : 1));
}

function imageNameOf(table: CsvTable, row: CsvRow, { tree }: Source): string {
  const name = table.cell(row, 'image');
  if (name === '') table.fail(row, 'there is no image');
  // On the disk a user's own list may name any file; an archive's may not.
  const outside = isAbsolute(name) || name.split('/').includes('..');
  if (outside && tree.location(name) === undefined) {
    table.fail(row, `${JSON.stringify(name)} leads out of ${tree.path}`);
  }
  return name.replace(/^(\.\/)+/, '');
}

function splitOf(table: CsvTable, row: CsvRow): SplitName {
  const text = table.cell(row, 'split');
  const found = SPLIT_NAMES.find(name => name === text.toLowerCase()) ?? FER2013_USAGES.get(text);
  return found ?? table.fail(row, `the split is ${JSON.stringify(text)}; it must be ${SPLIT_NAMES.join(', ')}`);
}

function unquoted(name: string): string {
  return name
    .trim()
    .replace(/^\uFEFF/, '')
    .replace(/^"(.*)"$/, '$1')
    .trim();
}
