import { UserError } from '../../util/errors.js';
import { FER2013_CLASSES } from '../fer2013/layout.js';
import type { Source } from '../tree/open.js';
import type { TreeFile } from '../tree/tree.js';
import { firstLineOf } from './first-line.js';
import type { Format, PixelCsv } from './format.js';

const FILES = ['fer2013.csv', 'fer2013.csv.gz', 'icml_face_data.csv', 'icml_face_data.csv.gz'];

/** FER-2013 as one CSV file of pixels. */
export const fer2013: Format = {
  name: 'fer2013',
  layout: 'fer2013.csv or icml_face_data.csv, gzipped or not (columns emotion, pixels, Usage)',
  options: [],
  async matches(source) {
    const file = pixelFileOf(source);
    if (file === undefined) return false;
    // Also with one column missing: whoever reads the file says which.
    return source.file === undefined || /\b(pixels|emotion)\b/i.test(await firstLineOf(source.tree.place(file.name)));
  },
  plan(source) {
    return {
      name: 'FER-2013',
      classes: FER2013_CLASSES,
      pixels: requirePixelCsv(source),
      ownClasses: false,
      warnings: [],
      images: store =>
        store.names.map((_, slot) => ({ slot, label: store.labels![slot]!, split: store.splits![slot]! })),
    };
  },
};

/** @throws {UserError} where there is no such file */
export function requirePixelCsv(source: Source): PixelCsv {
  const file = pixelFileOf(source);
  if (!file) throw new UserError(`${source.path}: no ${FILES.join(', ')} in it`);
  return { kind: 'csv', place: source.tree.place(file.name), file };
}

/** The file that the user named, else the one that is called as FER-2013's are. */
function pixelFileOf({ tree, file }: Source): TreeFile | undefined {
  if (file !== undefined) return tree.files.get(file);
  return FILES.map(name => tree.files.get(name)).find(found => found !== undefined);
}
