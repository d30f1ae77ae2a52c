import { RandomStream } from '../../util/random.js';
import { FER2013_SIZE } from '../fer2013/layout.js';
import { DATA_STREAM } from '../streams.js';
import { DEPTH } from './brush.js';
import { clamp } from './draws.js';
import { drawActions } from './expressions.js';
import { drawPerson } from './person.js';
import { drawPose, project } from './pose.js';

/** A rectangle of pixels; the right and lower edges are not part of it. */
export interface EvidenceBox {
  readonly part: 'brows' | 'mouth';
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/**
 * Where face number `index` of `seed` shows what it shows, in pixels: boxes around its brows with the eyelids, and around its
 * mouth. The same draws as `drawFace`.
 */
export function evidenceBoxes(seed: number, index: number, label: number): EvidenceBox[] {
  const random = new RandomStream(seed, DATA_STREAM.face, index);
  const person = drawPerson(random);
  const pose = drawPose(random, FER2013_SIZE);
  const { left, right } = drawActions(random, label);
  const { eyeY, eyeSpacing, eyeWidth, eyeHeight, browHeight, browThickness, mouthY, mouthWidth, lipThickness } = person;
  const highest = Math.max(...[left, right].map(action => Math.max(action.browInner, action.browOuter, 0)));
  const jaw = clamp((left.jaw + right.jaw) / 2 - 0.06, 0, 1.2);
  const across = eyeSpacing + 1.3 * eyeWidth;
  const wide = mouthWidth * (1 + 0.32 * Math.max(left.stretch, right.stretch, 0)) + 0.03;
  const corners = 0.12 * Math.max(Math.abs(left.corner), Math.abs(right.corner));
  const box = (part: EvidenceBox['part'], depth: number, x: number, top: number, bottom: number): EvidenceBox => {
    const points = project(pose, [-x, top, x, top, x, bottom, -x, bottom], depth);
    const xs = points.filter((_, i) => i % 2 === 0);
    const ys = points.filter((_, i) => i % 2 === 1);
    const within = (value: number) => Math.min(FER2013_SIZE, Math.max(0, value));
    return {
      part,
      ...{ left: within(Math.floor(Math.min(...xs))), top: within(Math.floor(Math.min(...ys))) },
      ...{ right: within(Math.ceil(Math.max(...xs))), bottom: within(Math.ceil(Math.max(...ys))) },
    };
  };
  return [
    box('brows', DEPTH.eye, across, eyeY - browHeight - browThickness - 0.13 * highest, eyeY + 1.4 * eyeHeight + 0.05),
    box(
      'mouth',
      DEPTH.mouth,
      wide,
      mouthY - lipThickness - corners,
      mouthY + Math.max(corners, 0.32 * jaw) + 1.4 * lipThickness + 0.03,
    ),
  ];
}
