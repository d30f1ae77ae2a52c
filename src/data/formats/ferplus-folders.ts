import { UserError } from '../../util/errors.js';
import type { SplitName } from '../dataset.js';
import { applyLabelRule } from '../labels/ferplus.js';
import type { LabelledImage } from '../labels/image.js';
import { missingFile, type TreeFile } from '../tree/tree.js';
import { parseCsv } from './csv.js';
import { describeRule, parseVotes } from './ferplus.js';
import type { Format } from './format.js';

const FOLDERS: readonly (readonly [folder: string, split: SplitName])[] = [
  ['FER2013Train', 'train'],
  ['FER2013Valid', 'val'],
  ['FER2013Test', 'test'],
];
/** Columns of label.csv before the votes: the image's name and its box. */
const BEFORE_VOTES = 2;
const COLUMNS = BEFORE_VOTES + 10;

/** FER+ as folders of PNG files, each with its votes in `label.csv`. */
export const ferplusFolders: Format = {
  name: 'ferplus-folders',
  layout: 'FER2013Train, FER2013Valid and FER2013Test, each with label.csv',
  options: ['labelRule'],
  matches: ({ tree }) => tree.files.has('FER2013Train/label.csv'),
  async plan({ path, tree }, options) {
    const rule = options.labelRule ?? 'majority';
    const files: TreeFile[] = [];
    const images: LabelledImage[] = [];
    for (const [folder, split] of FOLDERS) {
      const list = `${folder}/label.csv`;
      if (!tree.files.has(list)) throw new UserError(`${path}: FER+ as folders has ${list}, which is not there`);
      const where = `${path}: ${list}`;
      for (const row of parseCsv(await tree.readText(list), where)) {
        const [name = ''] = row.cells;
        if (row.cells.length !== COLUMNS || name === '') {
          throw new UserError(
            `${where}, line ${row.line}: a name, a box and ten votes are expected, found ${row.cells.length} cells`,
          );
        }
        const labelled = applyLabelRule(rule, parseVotes(row.cells.slice(BEFORE_VOTES), row, where));
        // Every image is packed, so that another rule finds it there.
        const slot = files.push(tree.files.get(`${folder}/${name}`) ?? missingFile(`${folder}/${name}`)) - 1;
        if (labelled) images.push({ slot, split, ...labelled });
      }
    }
    return {
      ...describeRule(rule),
      pixels: { kind: 'images', files },
      ownClasses: false,
      warnings: [],
      images: () => images,
    };
  },
};
