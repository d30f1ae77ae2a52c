import { FER2013_CLASSES } from '../fer2013/layout.js';
import { classesOfRule } from './ferplus.js';

/** RAF-DB's classes in the order of its labels 1 to 7. */
export const RAFDB_CLASSES: readonly string[] = [
  ...['surprise', 'fear', 'disgust', 'happiness', 'sadness', 'anger', 'neutral'],
];
/** AffectNet-HQ's folders, in the order of their names. */
export const AFFECTNET_CLASSES: readonly string[] = [
  ...['anger', 'contempt', 'disgust', 'fear', 'happy', 'neutral', 'sad', 'surprise'],
];

/** Label spaces that `--map-labels` knows by name. */
export const LABEL_SPACES: Readonly<Record<string, readonly string[]>> = {
  fer2013: FER2013_CLASSES,
  ferplus: classesOfRule('majority'),
  'raf-db': RAFDB_CLASSES,
  affectnet: AFFECTNET_CLASSES,
};

/** Words of the field's data sets for the same expression. */
const SYNONYMS: readonly (readonly string[])[] = [
  ['angry', 'anger'],
  ['disgust', 'disgusted'],
  ['fear', 'fearful', 'afraid', 'scared'],
  ['happy', 'happiness', 'joy'],
  ['sad', 'sadness'],
  ['surprise', 'surprised'],
  ['neutral', 'neutrality'],
  ['contempt'],
];

/** The expression that a class name means, where it is one of the common ones: the same word for all its names. */
export function expressionOf(name: string): string | undefined {
  const word = name.trim().toLowerCase();
  return SYNONYMS.find(words => words.includes(word))?.[0];
}

/** Whether two class names mean the same. */
export function sameExpression(a: string, b: string): boolean {
  const expression = expressionOf(a);
  return (
    a.trim().toLowerCase() === b.trim().toLowerCase() || (expression !== undefined && expression === expressionOf(b))
  );
}
