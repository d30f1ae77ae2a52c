import { DEPTH, type Brush } from './brush.js';
import { arc, ellipse, region, stroke } from './curves.js';
import { clamp } from './draws.js';
import type { Action } from './expressions.js';
import type { Face } from './face.js';

export function paintNose(brush: Brush, face: Face): void {
  const { skin, eyeY, noseWidth: w } = face.person;
  const y = face.noseY;
  const lit = stroke(arc(0, eyeY, 0.005, (eyeY + y) / 2, 0, y - 0.06), 0.05, 0.1);
  brush.fill(DEPTH.nose, lit, Math.min(1, skin * 1.2), 0.45);
  for (const side of [-1, 1]) {
    const flank = arc(side * 0.07, eyeY + 0.06, side * 0.075, (eyeY + y) / 2, side * w * 0.85, y - 0.05);
    brush.fill(DEPTH.nose, stroke(flank, 0.03, 0.05), skin * 0.68, 0.45);
    brush.fill(DEPTH.noseTip, ellipse(side * w * 0.5, y, 0.042, 0.026), skin * 0.25, 0.85);
    const wing = arc(side * w * 0.9, y - 0.07, side * w * 1.1, y - 0.02, side * w * 0.8, y + 0.015);
    brush.fill(DEPTH.nose, stroke(wing, 0.03), skin * 0.5, 0.6);
  }
  brush.fill(DEPTH.noseTip, stroke(arc(-w * 0.6, y + 0.01, 0, y + 0.035, w * 0.6, y + 0.01), 0.035), skin * 0.5, 0.6);
}

export function paintMouth(brush: Brush, face: Face): void {
  const { mouthY: y, mouthWidth, lipThickness, lips, skin } = face.person;
  const { corner, press, upperLip, teeth } = face.centre;
  const leftX = -mouthWidth * (1 + 0.32 * face.left.stretch);
  const rightX = mouthWidth * (1 + 0.32 * face.right.stretch);
  const leftY = y - 0.12 * face.left.corner;
  const rightY = y - 0.12 * face.right.corner;
  // The middle of the mouth goes a little against its corners.
  const middle = y + 0.035 * corner;
  const open = 0.36 * clamp(face.centre.jaw - 0.06, 0, 1.2);
  const top = middle - 0.07 * upperLip - 0.12 * open;
  const bottom = Math.max(top, middle + 0.88 * open);
  const thickness = lipThickness * (1 - 0.65 * clamp(press, 0, 1));
  const across = (height: number): number[] => arc(leftX, leftY, 0, height, rightX, rightY);

  brush.fill(DEPTH.mouth, region(across(top - thickness), across(bottom + 1.25 * thickness)), lips);
  const gap = bottom - top;
  if (gap > 0.02) {
    const inner = brush.mask(DEPTH.mouth, region(across(top), across(bottom)));
    brush.canvas.paint(inner, 0.07);
    const tongue = region(across(bottom - 0.4 * gap), across(bottom));
    brush.fill(DEPTH.mouth, tongue, skin * 0.45, 0.6, inner);
    if (teeth > 0.15) {
      const row = region(across(top - 0.02), across(top + gap * (0.3 + 0.35 * clamp(teeth, 0, 1))));
      brush.fill(DEPTH.mouth, row, 0.55 + 0.45 * skin, clamp(0.4 + 0.6 * teeth, 0, 1), inner);
    }
  }
  const line = clamp(1 - gap / 0.1, 0.25, 1);
  brush.fill(DEPTH.mouth, stroke(across(top), 0.035 + 0.02 * press), lips * 0.3, 0.9 * line);
  brush.fill(DEPTH.mouth, stroke(across(bottom + 1.35 * thickness), 0.03), skin * 0.7, 0.5);
  for (const [x, cornerY, action] of [
    [leftX, leftY, face.left],
    [rightX, rightY, face.right],
  ] as const) {
    const depth = 0.4 + 0.3 * Math.abs(clamp(action.corner, -1, 1));
    brush.fill(DEPTH.mouth, ellipse(x, cornerY, 0.03, 0.03), skin * 0.4, depth);
  }
}

/** @param side -1 for the left half of the picture, 1 for the right one */
export function paintEye(brush: Brush, face: Face, side: number, action: Action): void {
  const { eyeSpacing, eyeWidth, eyeHeight, eyeY, eyeTilt, skin, iris } = face.person;
  const x = side * eyeSpacing;
  const innerX = x - side * eyeWidth;
  const outerX = x + side * eyeWidth;
  const outerY = eyeY - eyeTilt;
  const up = eyeHeight * clamp(1 + 0.85 * action.upperLid, 0.15, 2);
  const down = eyeHeight * 0.75 * clamp(1 - 0.65 * action.lowerLid + 0.2 * action.upperLid, 0.1, 1.4);
  const upper = arc(innerX, eyeY, x, eyeY - up, outerX, outerY);
  const lower = arc(innerX, eyeY, x, eyeY + down, outerX, outerY);

  const opening = brush.mask(DEPTH.eye, region(upper, lower));
  brush.canvas.paint(opening, 0.6 + 0.35 * skin);
  const irisX = x + face.gaze.x;
  const irisY = eyeY - 0.01 + face.gaze.y;
  brush.fill(DEPTH.eye, ellipse(irisX, irisY, 0.08, 0.08), iris, 1, opening);
  brush.fill(DEPTH.eye, ellipse(irisX, irisY, 0.04, 0.04), 0.02, 1, opening);
  brush.fill(DEPTH.eye, ellipse(irisX - 0.03, irisY - 0.035, 0.022, 0.022), 1, 0.9, opening);

  brush.fill(DEPTH.eye, stroke(upper, 0.035, 0.05), skin * 0.15, 0.95);
  brush.fill(DEPTH.eye, stroke(lower, 0.02), skin * 0.45, 0.6);
  const crease = arc(innerX, eyeY - 0.03, x, eyeY - up - 0.055, outerX + side * 0.02, outerY - 0.02);
  brush.fill(DEPTH.eye, stroke(crease, 0.025), skin * 0.6, 0.55);
  const bag = arc(innerX, eyeY + 0.05, x, eyeY + down + 0.075, outerX, outerY + 0.05);
  const bagStrength = 0.15 + 0.45 * Math.max(action.cheek, action.lowerLid) + 0.4 * face.person.age;
  brush.fill(DEPTH.eye, stroke(bag, 0.03), skin * 0.62, clamp(bagStrength, 0, 0.75));
}

/** @param side -1 for the left half of the picture, 1 for the right one */
export function paintBrow(brush: Brush, face: Face, side: number, action: Action): void {
  const { eyeSpacing, eyeWidth, eyeY, browHeight, browSlant, browThickness, brow } = face.person;
  const innerX = side * (eyeSpacing - eyeWidth * 0.95 - 0.05 * clamp(action.browGather, 0, 1.2));
  const outerX = side * (eyeSpacing + eyeWidth * 1.25);
  const innerY = eyeY - browHeight - browSlant - 0.13 * clamp(action.browInner, -1, 1.2);
  const outerY = eyeY - browHeight * 0.85 + browSlant - 0.11 * clamp(action.browOuter, -1, 1.2);
  const bow = 0.05 + 0.03 * clamp(action.browOuter, -1, 1);
  const curve = arc(innerX, innerY, innerX + (outerX - innerX) * 0.6, (innerY + outerY) / 2 - bow, outerX, outerY);
  brush.fill(DEPTH.eye, stroke(curve, browThickness, browThickness * 0.4), brow, 0.9);
}
