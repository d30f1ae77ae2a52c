import { coloursOf } from '../parts/colours.js';
import { drawBoxes } from '../parts/draw-box.js';
import { capital, percent } from '../parts/words.js';
import type { Outcome } from './gallery.js';

/** Pixels of a picture that look like one of the screen, for a picture of so many a side. */
const UNITS = 900;

/** A picture with boxes and labels drawn on it, as PNG. */
export async function labelledPicture(file: Blob, outcome: Extract<Outcome, { kind: 'done' }>): Promise<Blob> {
  const bitmap = await createImageBitmap(file);
  const { width, height } = bitmap;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const unit = Math.max(0.5, Math.max(width, height) / UNITS);
  const { classes } = outcome.network;
  const colours = coloursOf(classes);
  const boxes = outcome.found.map(({ box, top, probabilities }, i) => {
    const answer = `${capital(classes[top]!)} ${percent(probabilities[top]!, 0)}`;
    // Where there is no face the picture is the box, and the label stands in its corner.
    return {
      box: box ?? { x: 0, y: 0, width, height },
      text: box ? `${i + 1} ${answer}` : `Whole picture: ${answer}`,
      colour: colours[top]!,
    };
  });
  drawBoxes(context, boxes, unit);
  return canvas.convertToBlob({ type: 'image/png' });
}
