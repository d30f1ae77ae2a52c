import { basename, resolve } from 'node:path';
import { UserError } from '../../util/errors.js';
import type { SplitName } from '../dataset.js';
import type { LabelledImage } from '../labels/image.js';
import { foldersOf, imagesOf, type FileTree, type TreeFile } from '../tree/tree.js';
import type { Format } from './format.js';

/** Folder names that mean a split, without regard to case. */
const SPLIT_FOLDERS: ReadonlyMap<string, SplitName> = new Map([
  ['train', 'train'],
  ['training', 'train'],
  ['val', 'val'],
  ['valid', 'val'],
  ['validation', 'val'],
  ['test', 'test'],
  ['testing', 'test'],
]);
/** Labels are bytes. */
export const MOST_CLASSES = 256;

/** A folder for each class, at the top or in `train`, `val` and `test`. Classes are what folders there are, by name. */
export const imageFolder: Format = {
  name: 'image-folder',
  layout: 'a folder of images for each class, at the top or in train, val|valid|validation and test',
  options: [],
  matches({ tree }) {
    const splits = splitFoldersOf(tree);
    const bases = splits.length > 0 ? splits.map(([folder]) => folder) : [''];
    return bases.some(base => foldersWithImages(tree, base).length >= 2);
  },
  plan({ path, tree }) {
    const splits = splitFoldersOf(tree);
    if (splits.length > 0 && !splits.some(([, split]) => split === 'train')) {
      throw new UserError(`${path}: there is ${splits.map(([folder]) => folder).join(' and ')}, but no folder train`);
    }
    const twice = splits.find(([, split], i) => splits.findIndex(([, other]) => other === split) !== i);
    if (twice) throw new UserError(`${path}: two folders mean the split ${twice[1]}; leave one of them`);
    const bases = splits.length > 0 ? splits : ([['', undefined]] as const);
    const classes = classesOf(path, tree, bases);
    const files: TreeFile[] = [];
    const images: LabelledImage[] = [];
    for (const [base, split] of bases) {
      const before = images.length;
      for (const [label, name] of classes.entries()) {
        for (const file of imagesOf(tree, join(base, name))) {
          const slot = files.push(file) - 1;
          images.push({ slot, label, ...(split ? { split } : {}) });
        }
      }
      if (images.length === before) throw new UserError(`${path}: there are no images in ${base === '' ? 'it' : base}`);
    }
    return {
      name: basename(resolve(path)),
      classes,
      pixels: { kind: 'images', files },
      ownClasses: true,
      ...(splits.length > 0 && !splits.some(([, split]) => split === 'val') ? { drawValidation: true } : {}),
      warnings: [],
      images: () => images,
    };
  },
};

/** The folders of the training split, or of all; a class must stand there. */
function classesOf(
  path: string,
  tree: FileTree,
  bases: readonly (readonly [folder: string, split: SplitName | undefined])[],
): string[] {
  const classes = foldersOf(tree, bases.find(([, split]) => split !== 'val' && split !== 'test')![0]);
  for (const [base] of bases) {
    const unknown = foldersWithImages(tree, base).find(name => !classes.includes(name));
    if (unknown !== undefined) {
      throw new UserError(`${path}: ${join(base, unknown)} is a class that the training split does not have`);
    }
  }
  if (classes.length < 2) throw new UserError(`${path}: folders of two classes or more are expected`);
  if (classes.length > MOST_CLASSES) {
    throw new UserError(`${path}: ${classes.length} folders; at most ${MOST_CLASSES} classes are told apart`);
  }
  return classes;
}

function splitFoldersOf(tree: FileTree): [folder: string, split: SplitName][] {
  return foldersOf(tree).flatMap(folder => {
    const split = SPLIT_FOLDERS.get(folder.toLowerCase());
    return split === undefined ? [] : [[folder, split] as [string, SplitName]];
  });
}

function foldersWithImages(tree: FileTree, base: string): string[] {
  return foldersOf(tree, base).filter(name => imagesOf(tree, join(base, name)).length > 0);
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
