/** What `--dataset` takes. */
export const FORMAT_NAMES = [
  'fer2013',
  'fer2013-folders',
  'ferplus',
  'ferplus-folders',
  'raf-db',
  'affectnet',
  'image-folder',
  'image-list',
] as const;

export type FormatName = (typeof FORMAT_NAMES)[number];
