import type { ModelInfo } from '../../src/serve/api.js';
import { coloursOf } from '../parts/colours.js';
import { drawBoxes } from '../parts/draw-box.js';
import { capital, percent } from '../parts/words.js';
import { topOf } from './top.js';
import type { Track } from './tracks.js';

/** Colour of a face that was not classified yet. */
const UNKNOWN = '#8a919c';

/**
 * Draws followed faces.
 * @param unit pixels of the canvas that look like one of the screen
 */
export function drawTracks(
  context: CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D,
  tracks: readonly Track[],
  network: ModelInfo | undefined,
  mirrored: boolean,
  unit: number,
): void {
  const { width } = context.canvas;
  const classes = network?.classes ?? [];
  const colours = coloursOf(classes);
  const boxes = tracks.map(({ id, box, probabilities }) => {
    const top = topOf(probabilities);
    const name = top === undefined ? undefined : classes[top];
    return {
      box: mirrored ? { ...box, x: width - box.x - box.width } : box,
      text: name === undefined ? String(id) : `${id} ${capital(name)} ${percent(probabilities![top!]!, 0)}`,
      colour: (top !== undefined && colours[top]) || UNKNOWN,
    };
  });
  drawBoxes(context, boxes, unit);
}
