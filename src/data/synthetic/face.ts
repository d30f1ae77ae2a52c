import { clamp } from './draws.js';
import type { Action } from './expressions.js';
import type { Person } from './person.js';

/** A person who shows something: all that the painters of its parts need to know. */
export interface Face {
  person: Person;
  /** What the muscles of the left and right half of the picture do, and their mean, for what lies in the middle. */
  left: Action;
  right: Action;
  centre: Action;
  /** Where the eyes look, in head units. */
  gaze: { x: number; y: number };
  /** Height of the tip of the nose. */
  noseY: number;
  /** How far the jaw pulls the chin down, as a fraction of its distance. */
  chinDrop: number;
}

export function makeFace(person: Person, left: Action, right: Action, gaze: { x: number; y: number }): Face {
  const centre = { ...left };
  for (const action of Object.keys(left) as (keyof Action)[]) centre[action] = (left[action] + right[action]) / 2;
  const noseY = person.eyeY + person.noseLength - 0.03 * centre.nose;
  return { person, left, right, centre, gaze, noseY, chinDrop: 0.14 * clamp(centre.jaw, 0, 1.2) };
}

/** Both halves of a face: the sign of x, and what the muscles there do. */
export function halves(face: Face): readonly (readonly [side: number, action: Action])[] {
  return [
    [-1, face.left],
    [1, face.right],
  ];
}
