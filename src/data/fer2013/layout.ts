import type { SplitName } from '../dataset.js';

/** Class names in the order of the `emotion` column's ids. */
export const FER2013_CLASSES: readonly string[] = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];

/** Height and width of an image in pixels; one grey channel. */
export const FER2013_SIZE = 48;

/** Which split a value of the `Usage` column means. */
export const FER2013_USAGES: ReadonlyMap<string, SplitName> = new Map([
  ['Training', 'train'],
  ['PublicTest', 'val'],
  ['PrivateTest', 'test'],
]);
