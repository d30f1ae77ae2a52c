import { paintBeard, paintGlasses, paintHair } from './adornments.js';
import type { Brush } from './brush.js';
import type { Mask } from './canvas.js';
import { halves, type Face } from './face.js';
import { paintBrow, paintEye, paintMouth, paintNose } from './features.js';
import { paintBehind, paintHead, paintLines } from './head.js';

/** Paints a face, from back to front. Returns the pixels of the bare head, for the light that falls on it. */
export function paintFace(brush: Brush, face: Face): Mask {
  paintBehind(brush, face);
  const head = paintHead(brush, face);
  paintBeard(brush, face, head);
  paintLines(brush, face);
  paintNose(brush, face);
  paintMouth(brush, face);
  for (const [side, action] of halves(face)) paintEye(brush, face, side, action);
  for (const [side, action] of halves(face)) paintBrow(brush, face, side, action);
  paintHair(brush, face, head);
  paintGlasses(brush, face);
  return head;
}
