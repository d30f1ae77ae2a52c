import type { Box } from '../../src/faces/box.js';

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** A box with what is written beside it. */
export interface Labelled {
  readonly box: Box;
  readonly text: string;
  readonly colour: string;
}

/**
 * Draws boxes on a canvas with their labels, none over another as far as there is room.
 * @param unit pixels of the canvas that look like one of the screen
 */
export function drawBoxes(context: Context, boxes: readonly Labelled[], unit: number): void {
  context.lineWidth = 2.5 * unit;
  for (const { box, colour } of boxes) {
    context.strokeStyle = colour;
    context.beginPath();
    context.roundRect(box.x, box.y, box.width, box.height, 6 * unit);
    context.stroke();
  }
  const [size, pad] = [14 * unit, 6 * unit];
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  const taken: Box[] = [];
  for (const { box, text, colour } of boxes) {
    const label = place(context, box, context.measureText(text).width + 2 * pad, size + 1.2 * pad, 3 * unit, taken);
    taken.push(label);
    const { x, y, width, height } = label;
    context.fillStyle = 'rgb(15 18 24 / 85%)';
    context.beginPath();
    context.roundRect(x, y, width, height, 5 * unit);
    context.fill();
    context.fillStyle = colour;
    context.fillRect(x, y + 4 * unit, 3 * unit, height - 8 * unit);
    context.fillStyle = 'white';
    context.fillText(text, x + pad + unit, y + height / 2 + unit * 0.5);
  }
}

/** Where a label stands: above its box, else below, else in it; never beyond the canvas's edges. */
function place({ canvas }: Context, box: Box, width: number, height: number, gap: number, taken: readonly Box[]): Box {
  const x = Math.max(0, Math.min(box.x, canvas.width - width));
  const inside = { x, y: box.y + gap, width, height };
  const places = [
    { x, y: box.y - height - gap, width, height },
    { x, y: box.y + box.height + gap, width, height },
    inside,
  ].filter(({ y }) => y >= 0 && y + height <= canvas.height);
  return places.find(label => !taken.some(other => touch(label, other))) ?? places[0] ?? inside;
}

function touch(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
