import { DEPTH, type Brush } from './brush.js';
import type { Mask } from './canvas.js';
import { arc, dome, ellipse, region, stroke } from './curves.js';
import { clamp } from './draws.js';
import { halves, type Face } from './face.js';

/** Neck, shoulders, ears and the hair behind them. */
export function paintBehind(brush: Brush, face: Face): void {
  const { skin, hair, clothes, headWidth: w, hairStyle, eyeY } = face.person;
  if (hairStyle === 'long') {
    brush.fill(DEPTH.back, [-w - 0.2, 1.2, ...dome(w + 0.14, -0.2, 0.95), w + 0.2, 1.2], hair);
  }
  brush.fill(DEPTH.back, [-0.4, 0.5, 0.4, 0.5, 0.46, 1.6, -0.46, 1.6], skin * 0.72);
  brush.fill(DEPTH.back, region(arc(-1.6, 1.75, 0, 1.2, 1.6, 1.75), [-1.6, 3, 1.6, 3]), clothes);
  if (hairStyle !== 'long') {
    for (const side of [-1, 1]) {
      brush.fill(DEPTH.back, ellipse(side * (w + 0.02), eyeY + 0.18, 0.1, 0.2), skin * 0.85);
    }
  }
}

/** The bare head. Returns the pixels it covers. */
export function paintHead(brush: Brush, face: Face): Mask {
  const head = brush.mask(DEPTH.middle, outline(face));
  brush.canvas.paint(head, face.person.skin);
  paintRelief(brush, face, head);
  return head;
}

/** The head's outline: an ellipse, its lower half more or less square and as long as the jaw has dropped. */
function outline(face: Face): number[] {
  const { headWidth, jaw } = face.person;
  const points = ellipse(0, 0, headWidth, 1);
  for (let i = 0; i < points.length; i += 2) {
    const y = points[i + 1]!;
    if (y <= 0) continue;
    points[i]! *= 1 + 0.5 * jaw * y * (1 - y) - 0.12 * (1 - jaw) * y;
    points[i + 1] = y * (1 + face.chinDrop);
  }
  return points;
}

/** Soft light and shadow of forehead, cheeks, eye sockets and chin. */
function paintRelief(brush: Brush, face: Face, head: Mask): void {
  const { eyeSpacing, eyeY, mouthY } = face.person;
  const soft = (x: number, y: number, width: number, height: number, amount: number): void => {
    brush.glow(DEPTH.eye, x, y, width, height, amount, head);
  };
  for (const [side, action] of halves(face)) {
    soft(side * eyeSpacing, eyeY, 0.3, 0.26, -0.2);
    soft(side * (eyeSpacing + 0.06), eyeY + 0.36 - 0.07 * action.cheek, 0.24, 0.2, 0.1 + 0.1 * action.cheek);
  }
  soft(0, -0.6, 0.5, 0.3, 0.1);
  soft(0, mouthY + 0.2 + face.chinDrop, 0.3, 0.09, -0.15);
  soft(0, mouthY + 0.36 + face.chinDrop, 0.22, 0.14, 0.1);
}

/** Lines that muscles, and years, draw into the skin. */
export function paintLines(brush: Brush, face: Face): void {
  const { skin, eyeY, eyeSpacing, browHeight, mouthY, mouthWidth, noseWidth, age } = face.person;
  const dark = skin * 0.55;
  const { browGather, browInner, browOuter, nose } = face.centre;
  const browY = eyeY - browHeight - 0.1 * browInner;
  for (const side of [-1, 1]) {
    const frown = stroke(arc(side * 0.05, browY - 0.06, side * 0.04, browY + 0.02, side * 0.06, browY + 0.1), 0.035);
    brush.fill(DEPTH.nose, frown, dark, clamp(0.75 * browGather, 0, 0.8));
    for (const step of [0, 1]) {
      const y = eyeY + 0.06 + step * 0.08;
      const wrinkle = stroke(arc(side * 0.04, y, side * 0.09, y - 0.01, side * 0.13, y + 0.04), 0.035);
      brush.fill(DEPTH.nose, wrinkle, dark, clamp(0.7 * nose, 0, 0.8));
    }
  }
  for (const [side, action] of halves(face)) {
    const cornerX = side * (mouthWidth * (1 + 0.3 * action.stretch) + 0.08);
    const fold = arc(
      side * noseWidth * 1.05,
      face.noseY - 0.04,
      side * (noseWidth + 0.1 + 0.05 * action.cheek),
      (face.noseY + mouthY) / 2 - 0.06 * action.cheek,
      cornerX,
      mouthY - 0.02 - 0.08 * action.corner,
    );
    const strength = 0.12 + 0.5 * Math.max(action.cheek, action.nose, action.corner) + 0.4 * age;
    brush.fill(DEPTH.mouth, stroke(fold, 0.03, 0.045), dark, clamp(strength, 0, 0.75));
  }
  const raised = clamp(0.35 * (browInner + browOuter) - 0.1, 0, 0.5) + 0.4 * age;
  for (const step of [0, 1]) {
    const y = browY - 0.14 - step * 0.11;
    const width = eyeSpacing + 0.1 - step * 0.08;
    const wave = stroke(arc(-width, y + 0.02, 0, y - 0.01 - 0.02 * browInner, width, y + 0.02), 0.03);
    brush.fill(DEPTH.eye, wave, dark, clamp(raised, 0, 0.6));
  }
}
