import { DEPTH, type Brush } from './brush.js';
import type { Mask } from './canvas.js';
import { arc, dome, ellipse, region, stroke } from './curves.js';
import type { Face } from './face.js';
import type { Person } from './person.js';

/** Beard and moustache, before the mouth is painted. */
export function paintBeard(brush: Brush, face: Face, head: Mask): void {
  const { beard, moustache, hair, mouthY, mouthWidth, headWidth: w } = face.person;
  if (beard > 0) {
    const upper = [...arc(-w * 1.1, 0.1, -w * 0.75, mouthY - 0.05, -mouthWidth, mouthY - 0.1)];
    upper.push(...arc(mouthWidth, mouthY - 0.1, w * 0.75, mouthY - 0.05, w * 1.1, 0.1));
    brush.fill(DEPTH.middle, region(upper, [-w * 1.1, 1.4, w * 1.1, 1.4]), hair, beard, head);
  }
  if (moustache > 0) {
    const y = (face.noseY + mouthY) / 2 + 0.02;
    const curve = arc(-mouthWidth * 0.85, y + 0.07, 0, y - 0.02, mouthWidth * 0.85, y + 0.07);
    brush.fill(DEPTH.mouth, stroke(curve, 0.1), hair, moustache);
  }
}

/** Hair that is in front of the head, or a cap. */
export function paintHair(brush: Brush, face: Face, head: Mask): void {
  const { hairStyle, hair, hairline, parting, headWidth: w } = face.person;
  if (hairStyle === 'none') return;
  if (hairStyle === 'cap') {
    const brim = arc(-w - 0.1, hairline + 0.2, 0, hairline + 0.08, w + 0.1, hairline + 0.2);
    brush.fill(DEPTH.middle, region(dome(w + 0.08, hairline + 0.2, 0.75), brim), hair);
    brush.fill(DEPTH.hairline, stroke(brim, 0.1), hair * 0.6);
    return;
  }
  const ends = hairStyle === 'long' ? 0.6 : 0;
  const bulk = hairStyle === 'curly' ? 0.2 : 0.06;
  const crown = [-w - bulk, ends, ...dome(w + bulk, Math.min(ends, -0.2), 0.85 + bulk), w + bulk, ends];
  const mass = brush.mask(DEPTH.middle, region(crown, hairEdge(face.person, ends)));
  brush.canvas.paint(mass, hair);
  paintStrands(brush, face.person, mass);
  // The shadow that hair throws on the forehead.
  const edge = arc(-w * 0.7, hairline + 0.14, parting, hairline + 0.05, w * 0.7, hairline + 0.14);
  if (hairStyle !== 'long') brush.fill(DEPTH.hairline, stroke(edge, 0.08), face.person.skin * 0.6, 0.3, head);
}

/** Where hair ends and the face begins, from the left temple over the forehead to the right one. */
function hairEdge(person: Person, ends: number): number[] {
  const { hairStyle, hairline, parting, headWidth: w } = person;
  if (hairStyle === 'long') {
    // A curtain on each side of the parting.
    return [
      ...arc(-w * 0.92, ends, -w * 0.72, hairline + 0.25, parting, -0.86),
      ...arc(parting, -0.86, w * 0.72, hairline + 0.25, w * 0.92, ends),
    ];
  }
  if (hairStyle === 'fringe') {
    // Tufts of different length.
    const edge = [-w * 0.96, ends, -w * 0.84, hairline + 0.1];
    for (let tuft = -3; tuft <= 3; tuft++) {
      const long = (tuft & 1) === 0 ? 0.24 : 0.14;
      edge.push(tuft * w * 0.24, hairline + long + 0.15 * parting * tuft * 0.3);
    }
    edge.push(w * 0.84, hairline + 0.1, w * 0.96, ends);
    return edge;
  }
  return [
    -w * 0.97,
    ends,
    ...arc(-w * 0.9, -0.25, -w * 0.78, hairline + 0.12, -w * 0.6, hairline),
    ...arc(-w * 0.6, hairline, parting, hairline - 0.1, w * 0.6, hairline),
    ...arc(w * 0.6, hairline, w * 0.78, hairline + 0.12, w * 0.9, -0.25),
    w * 0.97,
    ends,
  ];
}

/** Gloss and strands, so that hair does not look like a cap. */
function paintStrands(brush: Brush, person: Person, mass: Mask): void {
  const { hair, parting, headWidth: w, hairStyle } = person;
  const light = Math.min(1, hair * 1.1 + 0.06);
  for (const side of [-1, 1]) {
    for (const [reach, bow] of [
      [0.75, 0.3],
      [0.95, 0.16],
      [1.08, 0.05],
    ] as const) {
      const strand = arc(parting, -0.98, side * w * reach * 0.8, -0.78 + bow * 0.5, side * w * reach, -0.1);
      brush.fill(DEPTH.middle, stroke(strand, 0.02, 0.06), light, hairStyle === 'curly' ? 0.35 : 0.55, mass);
    }
  }
}

export function paintGlasses(brush: Brush, face: Face): void {
  const { glasses, eyeSpacing, eyeWidth, eyeY, headWidth } = face.person;
  if (glasses === 'none') return;
  const width = glasses === 'thin' ? 0.035 : 0.07;
  const tone = glasses === 'thin' ? 0.3 : 0.08;
  for (const side of [-1, 1]) {
    const lens = ellipse(side * eyeSpacing, eyeY + 0.03, eyeWidth * 1.45, 0.2);
    if (glasses === 'dark') brush.fill(DEPTH.nose, lens, 0.1, 0.92);
    brush.fill(DEPTH.nose, stroke([...lens, lens[0]!, lens[1]!], width), tone, 0.85);
    const temple = [side * (eyeSpacing + eyeWidth * 1.4), eyeY, side * headWidth, eyeY - 0.04];
    brush.fill(DEPTH.hairline, stroke(temple, width), tone, 0.7);
  }
  const bridgeX = eyeSpacing - eyeWidth * 1.4;
  brush.fill(DEPTH.noseTip, stroke(arc(-bridgeX, eyeY, 0, eyeY - 0.05, bridgeX, eyeY), width), tone, 0.85);
}
