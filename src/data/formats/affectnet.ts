import { UserError } from '../../util/errors.js';
import type { LabelledImage } from '../labels/image.js';
import { AFFECTNET_CLASSES, sameExpression } from '../labels/spaces.js';
import type { Source } from '../tree/open.js';
import { imagesOf, lastPartOf, missingFile, parentOf, type TreeFile } from '../tree/tree.js';
import { CsvTable } from './csv.js';
import { firstLineOf } from './first-line.js';
import type { Format, Plan } from './format.js';

const LIST = 'labels.csv';

/**
 * AffectNet-HQ of Kaggle: folders of classes, and a list with another opinion on some images and a confidence. There are no
 * splits.
 */
export const affectnet: Format = {
  name: 'affectnet',
  layout: `folders anger, contempt, … surprise with ${LIST} (columns pth, label, relFCs)`,
  options: ['labelSource', 'minRelfcs'],
  matches: async ({ tree }) => tree.files.has(LIST) && /\bpth\b/i.test(await firstLineOf(tree.place(LIST))),
  async plan(source, { labelSource = 'csv', minRelfcs }) {
    const table = await tableOf(source, labelSource === 'csv' || minRelfcs !== undefined);
    const found = new Map(imagesOf(source.tree).map(file => [file.name, file]));
    const files: TreeFile[] = [];
    const images: LabelledImage[] = [];
    const warnings: string[] = [];
    let unsure = 0;
    let differ = 0;
    if (table) {
      for (const row of table.rows) {
        const name = table.cell(row, 'pth').replace(/^(\.?\/)+/, '');
        const inFolder = classOf(parentOf(name));
        const inList = classOf(table.cell(row, 'label'));
        const [label, given] =
          labelSource === 'csv' ? [inList, table.cell(row, 'label')] : [inFolder, lastPartOf(parentOf(name))];
        if (label === undefined) return table.fail(row, unknownClass(given));
        if (inFolder !== inList) differ++;
        const slot = files.push(found.get(name) ?? missingFile(name)) - 1;
        found.delete(name);
        // Every image is packed, so that another bound finds it there.
        if (minRelfcs !== undefined && table.number(row, 'relFCs') < minRelfcs) unsure++;
        else images.push({ slot, label });
      }
      if (found.size > 0) warnings.push(`${found.size} images are not in ${LIST} and left out`);
      if (differ > 0)
        warnings.push(`${differ} images have another label in ${LIST} than their folder; ${labelSource} counts`);
      if (unsure > 0) warnings.push(`${unsure} images have a relFCs below ${minRelfcs!} and are left out`);
    } else {
      for (const file of found.values()) {
        const label = classOf(parentOf(file.name));
        if (label === undefined)
          throw new UserError(`${source.path}: ${file.name}: ${unknownClass(parentOf(file.name))}`);
        images.push({ slot: files.push(file) - 1, label });
      }
    }
    const bound = minRelfcs === undefined ? '' : `, relFCs of ${minRelfcs} or more`;
    const plan: Plan = {
      name: 'AffectNet-HQ',
      classes: AFFECTNET_CLASSES,
      labelling: `labels of the ${labelSource}${bound}`,
      pixels: { kind: 'images', files },
      ownClasses: true,
      warnings,
      images: () => images,
    };
    return plan;
  },
};

async function tableOf({ path, tree }: Source, needed: boolean): Promise<CsvTable | undefined> {
  if (!needed) return undefined;
  if (!tree.files.has(LIST)) throw new UserError(`${path}: AffectNet-HQ has ${LIST}, which is not there`);
  const table = new CsvTable(await tree.readText(LIST), `${path}: ${LIST}`);
  table.require('pth', 'label', 'relFCs');
  return table;
}

function classOf(name: string): number | undefined {
  const id = AFFECTNET_CLASSES.findIndex(known => sameExpression(known, lastPartOf(name)));
  return id < 0 ? undefined : id;
}

function unknownClass(name: string): string {
  return `${JSON.stringify(name)} is none of AffectNet's classes: ${AFFECTNET_CLASSES.join(', ')}`;
}
