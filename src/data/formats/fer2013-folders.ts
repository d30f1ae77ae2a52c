import { UserError } from '../../util/errors.js';
import { FER2013_CLASSES, FER2013_USAGES } from '../fer2013/layout.js';
import type { LabelledImage } from '../labels/image.js';
import { sameExpression } from '../labels/spaces.js';
import { foldersOf, imagesOf, lastPartOf, parentOf, type FileTree, type TreeFile } from '../tree/tree.js';
import type { Format } from './format.js';

/**
 * FER-2013 as folders of classes in `train` and `test`. Names such as `PublicTest_4711.jpg` tell which of the official splits
 * an image is of, so that validation and test, which share a folder, come apart again.
 */
export const fer2013Folders: Format = {
  name: 'fer2013-folders',
  layout: 'train and test with folders angry … surprise of files named Training_…, PublicTest_…, PrivateTest_…',
  options: [],
  matches({ tree }) {
    const folders = ['train', 'test'].map(split => foldersOf(tree, split));
    return folders.every(names => names.length > 0 && names.every(name => classOf(name) >= 0)) && hasUsages(tree);
  },
  plan({ path, tree }) {
    const files: TreeFile[] = [];
    const images: LabelledImage[] = [];
    for (const file of ['train', 'test'].flatMap(split => imagesOf(tree, split))) {
      const label = classOf(lastPartOf(parentOf(file.name)));
      const split = usageOf(file);
      if (label < 0) {
        throw new UserError(`${path}: ${file.name} stands in no folder of ${FER2013_CLASSES.join(', ')}`);
      }
      if (split === undefined) {
        throw new UserError(
          `${path}: ${file.name} is not named after an official split (Training_, PublicTest_, PrivateTest_); ` +
            '--dataset image-folder takes the folders as they are',
        );
      }
      images.push({ slot: files.push(file) - 1, label, split });
    }
    return {
      name: 'FER-2013',
      classes: FER2013_CLASSES,
      pixels: { kind: 'images', files },
      ownClasses: true,
      warnings: [],
      images: () => images,
    };
  },
};

function hasUsages(tree: FileTree): boolean {
  const [first] = imagesOf(tree, 'train');
  return first !== undefined && usageOf(first) !== undefined;
}

function usageOf({ name }: TreeFile) {
  return FER2013_USAGES.get(/^([A-Za-z]+)_/.exec(lastPartOf(name))?.[1] ?? '');
}

function classOf(folder: string): number {
  return FER2013_CLASSES.findIndex(name => sameExpression(name, folder));
}
