/** By what expressions are called in the data sets that facegrad knows. */
const KNOWN: Readonly<Record<string, string>> = {
  ...{ angry: '#d64550', anger: '#d64550', rage: '#d64550' },
  ...{ disgust: '#5c9a3c', loathing: '#5c9a3c' },
  ...{ fear: '#8a63d2', terror: '#8a63d2' },
  ...{ happy: '#e3a008', happiness: '#e3a008', joy: '#e3a008' },
  ...{ sad: '#3b82d6', sadness: '#3b82d6', grief: '#3b82d6' },
  ...{ surprise: '#12a5a0', amazement: '#12a5a0' },
  ...{ neutral: '#8a919c', contempt: '#b0703c' },
};
/** Of the others, in turn. */
const OTHERS = ['#c2559d', '#5f7fbf', '#7a9e2f', '#c9782b', '#4aa3c4', '#9a6fb0', '#a08c5b', '#6d7fd1'];

/** A colour for each class, seen on light ground and on dark; classes of one network have different ones as far as there are. */
export function coloursOf(classes: readonly string[]): string[] {
  const taken = new Set<string>();
  const free = [...OTHERS];
  return classes.map(name => {
    const known = KNOWN[name.toLowerCase()];
    const colour = known !== undefined && !taken.has(known) ? known : (free.shift() ?? '#8a919c');
    taken.add(colour);
    return colour;
  });
}
