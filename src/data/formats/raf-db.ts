import { UserError } from '../../util/errors.js';
import type { SplitName } from '../dataset.js';
import type { LabelledImage } from '../labels/image.js';
import { RAFDB_CLASSES } from '../labels/spaces.js';
import type { DataOptions } from '../options.js';
import type { Source } from '../tree/open.js';
import { foldersOf, imagesOf, lastPartOf, missingFile, parentOf, type FileTree, type TreeFile } from '../tree/tree.js';
import { CsvTable } from './csv.js';
import type { Format, Plan } from './format.js';

const SPLITS: readonly SplitName[] = ['train', 'test'];
/** Spelt as RAF-DB's authors do, and as one would. */
const PARTITIONS = ['EmoLabel/list_patition_label.txt', 'EmoLabel/list_partition_label.txt'];

/** RAF-DB, as Kaggle and as its authors give it. Labels are numbers from 1; there is no validation split. */
export const rafDb: Format = {
  name: 'raf-db',
  layout: 'DATASET/{train,test}/{1..7} with train_labels.csv and test_labels.csv, or EmoLabel and Image/aligned',
  options: ['labelSource'],
  matches: ({ tree }) => partitionOf(tree) !== undefined || kaggleFolder(tree) !== undefined,
  async plan(source, options) {
    const partition = partitionOf(source.tree);
    if (partition !== undefined) return planOfficial(source, partition, options);
    const folder = kaggleFolder(source.tree);
    if (folder !== undefined) return planKaggle(source, folder, options);
    throw new UserError(`${source.path}: not laid out as RAF-DB: ${rafDb.layout}`);
  },
};

function partitionOf(tree: FileTree): string | undefined {
  return PARTITIONS.find(name => tree.files.has(name));
}

/** The folder that holds `train` and `test`, each with folders named 1 to 7 and no others. */
function kaggleFolder(tree: FileTree): string | undefined {
  return ['DATASET', ''].find(base =>
    SPLITS.every(split => {
      const folders = foldersOf(tree, base === '' ? split : `${base}/${split}`);
      return folders.length >= 2 && folders.every(name => /^[1-7]$/.test(name));
    }),
  );
}

async function planKaggle({ path, tree }: Source, base: string, options: DataOptions): Promise<Plan> {
  const files: TreeFile[] = [];
  const images: LabelledImage[] = [];
  const warnings: string[] = [];
  const listed = SPLITS.every(split => tree.files.has(`${split}_labels.csv`));
  const source = options.labelSource ?? (listed ? 'csv' : 'folder');
  if (source === 'csv' && !listed) {
    throw new UserError(`${path}: --label-source csv needs train_labels.csv and test_labels.csv beside DATASET`);
  }
  for (const split of SPLITS) {
    const folder = base === '' ? split : `${base}/${split}`;
    const found = imagesOf(tree, folder);
    const labelOf = (file: TreeFile) => Number(lastPartOf(parentOf(file.name))) - 1;
    if (source === 'folder') {
      for (const file of found) images.push({ slot: files.push(file) - 1, label: labelOf(file), split });
      continue;
    }
    const byName = new Map(found.map(file => [lastPartOf(file.name), file]));
    const table = new CsvTable(await tree.readText(`${split}_labels.csv`), `${path}: ${split}_labels.csv`);
    table.require('image', 'label');
    let elsewhere = 0;
    for (const row of table.rows) {
      const name = table.cell(row, 'image');
      const number = table.number(row, 'label');
      if (!isLabel(number)) table.fail(row, outOfRange(number));
      const file = byName.get(name) ?? missingFile(`${folder}/${number}/${name}`);
      byName.delete(name);
      if (labelOf(file) !== number - 1) elsewhere++;
      images.push({ slot: files.push(file) - 1, label: number - 1, split });
    }
    if (elsewhere > 0)
      warnings.push(`${split}: ${elsewhere} images stand in the folder of another label than the CSV's`);
    if (byName.size > 0) warnings.push(`${split}: ${byName.size} images are not in ${split}_labels.csv and left out`);
  }
  return planOf(files, images, warnings, source);
}

/** Lines such as `train_00001.jpg 5`; the aligned faces are called `train_00001_aligned.jpg`. */
async function planOfficial({ path, tree }: Source, list: string, options: DataOptions): Promise<Plan> {
  if (options.labelSource === 'folder') {
    throw new UserError(`${path}: RAF-DB as its authors give it has no folders of labels; leave out --label-source`);
  }
  const files: TreeFile[] = [];
  const images: LabelledImage[] = [];
  const lines = (await tree.readText(list)).split(/\r?\n/);
  lines.forEach((line, i) => {
    if (line.trim() === '') return;
    const where = `${path}: ${list}, line ${i + 1}`;
    const [name = '', text = '', ...more] = line.trim().split(/\s+/);
    const split = SPLITS.find(split => name.startsWith(`${split}_`));
    if (more.length > 0 || split === undefined || !/^\d+$/.test(text)) {
      throw new UserError(`${where}: a name that begins with train_ or test_ and a label are expected`);
    }
    const number = Number(text);
    if (!isLabel(number)) throw new UserError(`${where}: ${outOfRange(number)}`);
    const stem = name.replace(/\.\w+$/, '');
    const known = [`Image/aligned/${stem}_aligned.jpg`, `Image/aligned/${name}`].map(name => tree.files.get(name));
    const file = known.find(Boolean) ?? missingFile(`Image/aligned/${stem}_aligned.jpg`);
    images.push({ slot: files.push(file) - 1, label: number - 1, split });
  });
  return planOf(files, images, [], undefined);
}

function planOf(
  files: readonly TreeFile[],
  images: LabelledImage[],
  warnings: readonly string[],
  source: string | undefined,
): Plan {
  return {
    name: 'RAF-DB',
    classes: RAFDB_CLASSES,
    ...(source === undefined ? {} : { labelling: `labels of the ${source}` }),
    pixels: { kind: 'images', files },
    ownClasses: true,
    drawValidation: true,
    warnings,
    images: () => images,
  };
}

function isLabel(number: number): boolean {
  return Number.isInteger(number) && number >= 1 && number <= RAFDB_CLASSES.length;
}

function outOfRange(number: number): string {
  return `the label is ${number}; it must be from 1 (${RAFDB_CLASSES[0]!}) to 7 (${RAFDB_CLASSES[6]!})`;
}
