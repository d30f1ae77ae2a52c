import type { RandomStream } from '../../util/random.js';
import { bell, between, chance } from './draws.js';

/**
 * What the muscles of a face do, in the terms of the Facial Action Coding System (Ekman and Friesen, 1978), whose action
 * units (AU) stand behind each. 0 is a face at rest, 1 as far as it goes.
 */
export interface Action {
  /** AU 1, inner end of the brows up; negative: down (AU 4). */
  browInner: number;
  /** AU 2, outer end of the brows up; negative: down. */
  browOuter: number;
  /** AU 4, brows drawn together. */
  browGather: number;
  /** AU 5, upper lid up; negative: eyes narrowed from above. */
  upperLid: number;
  /** AU 7, lower lid up. */
  lowerLid: number;
  /** AU 6, cheeks up. */
  cheek: number;
  /** AU 9, nose wrinkled. */
  nose: number;
  /** AU 10, upper lip up. */
  upperLip: number;
  /** AU 12, corners of the mouth up; negative: down (AU 15). */
  corner: number;
  /** AU 20, mouth stretched sideways; negative: rounded (AU 18). */
  stretch: number;
  /** AU 24, lips pressed together. */
  press: number;
  /** AU 26 and 27, jaw dropped. */
  jaw: number;
  /** How much of the teeth an open mouth shows. */
  teeth: number;
}

const REST: Action = {
  browInner: 0,
  browOuter: 0,
  browGather: 0,
  upperLid: 0,
  lowerLid: 0,
  cheek: 0,
  nose: 0,
  upperLip: 0,
  corner: 0,
  stretch: 0,
  press: 0,
  jaw: 0,
  teeth: 0,
};

/** Ways in which each class shows itself, in FER-2013's order of classes. */
const VARIANTS: readonly (readonly Partial<Action>[])[] = [
  // angry: brows down and together over staring eyes; the mouth pressed shut or bared
  [
    { browInner: -1, browOuter: 0.1, browGather: 1, lowerLid: 0.5, press: 1, corner: -0.3, stretch: -0.15 },
    { browInner: -1, browGather: 1, upperLid: 0.3, lowerLid: 0.5, jaw: 0.45, teeth: 1, corner: -0.35, stretch: 0.2 },
  ],
  // disgust: nose wrinkled, upper lip up, eyes narrowed
  [
    {
      browInner: -0.55,
      browGather: 0.5,
      upperLid: -0.5,
      lowerLid: 0.6,
      cheek: 0.5,
      nose: 1,
      upperLip: 1,
      corner: -0.5,
    },
    {
      browInner: -0.45,
      browOuter: -0.3,
      upperLid: -0.5,
      lowerLid: 0.6,
      nose: 1,
      upperLip: 0.8,
      jaw: 0.3,
      corner: -0.7,
    },
  ],
  // fear: brows up and together, eyes wide, mouth open and stretched sideways
  [
    {
      browInner: 1,
      browOuter: 0.35,
      browGather: 0.6,
      upperLid: 0.9,
      stretch: 0.7,
      jaw: 0.35,
      teeth: 0.7,
      corner: -0.35,
    },
    {
      browInner: 0.9,
      browOuter: 0.3,
      browGather: 0.7,
      upperLid: 1,
      stretch: 0.4,
      jaw: 0.15,
      corner: -0.45,
      press: 0.2,
    },
  ],
  // happy: corners of the mouth up, cheeks up, with and without teeth
  [
    { cheek: 1, lowerLid: 0.5, upperLid: -0.15, corner: 1, stretch: 0.5, jaw: 0.35, teeth: 1 },
    { cheek: 0.8, lowerLid: 0.4, corner: 1, stretch: 0.5, browOuter: 0.15 },
    { cheek: 1, lowerLid: 0.7, upperLid: -0.3, corner: 1, stretch: 0.3, jaw: 0.7, teeth: 0.8, browInner: 0.2 },
  ],
  // sad: inner brows up, lids heavy, corners of the mouth down
  [
    { browInner: 0.8, browOuter: -0.5, browGather: 0.4, upperLid: -0.5, corner: -0.9 },
    { browInner: 0.7, browOuter: -0.6, upperLid: -0.7, corner: -0.8, press: 0.4, stretch: -0.2 },
  ],
  // surprise: brows high, eyes wide, jaw dropped, mouth round
  [
    { browInner: 0.9, browOuter: 1, upperLid: 1, jaw: 1, stretch: -0.7 },
    { browInner: 0.8, browOuter: 0.9, upperLid: 0.7, jaw: 0.5, stretch: -0.5, teeth: 0.3 },
  ],
  // neutral
  [{}],
];

/** The weakest expression, as a fraction of the strongest. */
const WEAKEST = 0.65;

/**
 * One face's way of showing class `label`: a variant of the class, at some intensity, each action a little off, and some
 * habit of the face beneath it, so that classes shade into each other. `left` and `right` are the two halves.
 */
export function drawActions(random: RandomStream, label: number): { left: Action; right: Action } {
  const variants = VARIANTS[label]!;
  const variant: Action = { ...REST, ...variants[random.integer(variants.length)]! };
  const intensity = between(random, WEAKEST, 1);
  // No face is symmetric, and some show what they show on one side.
  const lopsided = bell(random, chance(random, 0.15) ? 0.25 : 0.08);
  const left = { ...REST };
  const right = { ...REST };
  for (const action of Object.keys(REST) as (keyof Action)[]) {
    const amount = variant[action] * intensity * (1 + bell(random, 0.18));
    // What cannot be negative in the table has no negative meaning.
    const habit = SIGNED.has(action) ? bell(random, 0.1) : Math.max(0, bell(random, 0.06));
    left[action] = (amount + habit) * (1 + lopsided);
    right[action] = (amount + habit) * (1 - lopsided);
  }
  return { left, right };
}

const SIGNED: ReadonlySet<keyof Action> = new Set(['browInner', 'browOuter', 'upperLid', 'corner', 'stretch']);
