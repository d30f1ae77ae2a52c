import { coloursOf } from '../parts/colours.js';
import { drawBox } from '../parts/draw-box.js';
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
  outcome.found.forEach(({ box, top, probabilities }, i) => {
    const text = `${capital(classes[top]!)} ${percent(probabilities[top]!, 0)}`;
    if (box) drawBox(context, box, `${i + 1} ${text}`, colours[top]!, unit);
    // Where there is no face the label stands in the picture's corner, and the box is the picture.
    else drawBox(context, { x: 0, y: 0, width, height }, `Whole picture: ${text}`, colours[top]!, unit);
  });
  return canvas.convertToBlob({ type: 'image/png' });
}
