import type { Box } from '../../src/faces/box.js';

type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/**
 * Draws a box and its label on a canvas.
 * @param unit pixels of the canvas that look like one of the screen
 */
export function drawBox(context: Context, box: Box, text: string, colour: string, unit: number): void {
  context.lineWidth = 2.5 * unit;
  context.strokeStyle = colour;
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, 6 * unit);
  context.stroke();
  if (text === '') return;
  const [size, pad] = [14 * unit, 6 * unit];
  context.font = `600 ${size}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  const width = context.measureText(text).width + 2 * pad;
  const height = size + 1.2 * pad;
  // Above the box, or in it where there is no room; never beyond the right edge.
  const y = box.y - height - 3 * unit >= 0 ? box.y - height - 3 * unit : box.y + 3 * unit;
  const x = Math.max(0, Math.min(box.x, context.canvas.width - width));
  context.fillStyle = 'rgb(15 18 24 / 85%)';
  context.beginPath();
  context.roundRect(x, y, width, height, 5 * unit);
  context.fill();
  context.fillStyle = colour;
  context.fillRect(x, y + 4 * unit, 3 * unit, height - 8 * unit);
  context.fillStyle = 'white';
  context.fillText(text, x + pad + unit, y + height / 2 + unit * 0.5);
}
