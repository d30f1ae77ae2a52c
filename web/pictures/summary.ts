import { counted, percent } from '../parts/words.js';
import type { Item } from './gallery.js';

/** What was found in a picture, in words. */
export function summaryOf(item: Item): string {
  const { name, outcome } = item;
  switch (outcome.kind) {
    case 'waiting':
    case 'working':
      return name;
    case 'failed':
      return `${name}: ${outcome.why}`;
    case 'done': {
      const { found, lookedForFaces, network } = outcome;
      const told = found.map(({ top, probabilities }) => `${network.classes[top]!} ${percent(probabilities[top]!, 0)}`);
      const faces = found.filter(({ box }) => box !== null).length;
      const what =
        faces > 0 ? counted(faces, 'face') : lookedForFaces ? 'no face, the whole picture' : 'the whole picture';
      return `${name}: ${what}: ${told.join(', ')}`;
    }
  }
}
