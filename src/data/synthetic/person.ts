import type { RandomStream } from '../../util/random.js';
import { bell, between, chance, clamp } from './draws.js';

export type HairStyle = 'none' | 'short' | 'curly' | 'fringe' | 'long' | 'cap';

/** What stays the same whatever a face expresses. Lengths in head coordinates (see Pose), tones from 0 to 1. */
export interface Person {
  skin: number;
  hair: number;
  brow: number;
  lips: number;
  iris: number;
  clothes: number;
  headWidth: number;
  /** 0 pointed, 1 square. */
  jaw: number;
  eyeSpacing: number;
  eyeWidth: number;
  eyeHeight: number;
  eyeY: number;
  /** Outer corner above the inner one. */
  eyeTilt: number;
  browHeight: number;
  browThickness: number;
  /** Inner end above the outer one, at rest: some look angry or sad without being so. */
  browSlant: number;
  noseLength: number;
  noseWidth: number;
  mouthY: number;
  mouthWidth: number;
  lipThickness: number;
  hairStyle: HairStyle;
  hairline: number;
  /** Where hair is parted, to the left or right of the middle. */
  parting: number;
  /** Opacity of stubble or beard; 0: none. */
  beard: number;
  moustache: number;
  glasses: 'none' | 'thin' | 'thick' | 'dark';
  /** Opacity of lines in the skin at rest. */
  age: number;
}

const HAIR_STYLES: readonly HairStyle[] = [
  'none',
  'short',
  'short',
  'short',
  'curly',
  'fringe',
  'fringe',
  'long',
  'long',
  'cap',
];

export function drawPerson(random: RandomStream): Person {
  const skin = between(random, 0.38, 0.82);
  const hair = chance(random, 0.18) ? between(random, 0.5, 0.85) : between(random, 0.04, 0.32);
  const bearded = chance(random, 0.2);
  const eyewear = random.uniform();
  return {
    skin,
    hair,
    brow: Math.min(hair + 0.05, skin * 0.55),
    lips: skin * between(random, 0.55, 0.8),
    iris: between(random, 0.05, 0.35),
    clothes: between(random, 0.05, 0.9),
    headWidth: between(random, 0.68, 0.8),
    jaw: between(random, 0, 1),
    eyeSpacing: between(random, 0.31, 0.38),
    eyeWidth: between(random, 0.145, 0.185),
    eyeHeight: between(random, 0.06, 0.085),
    eyeY: between(random, -0.16, -0.06),
    eyeTilt: bell(random, 0.02),
    browHeight: between(random, 0.18, 0.25),
    browThickness: between(random, 0.05, 0.1),
    browSlant: bell(random, 0.02),
    noseLength: between(random, 0.32, 0.44),
    noseWidth: between(random, 0.12, 0.18),
    mouthY: between(random, 0.5, 0.6),
    mouthWidth: between(random, 0.24, 0.33),
    lipThickness: between(random, 0.045, 0.085),
    hairStyle: HAIR_STYLES[random.integer(HAIR_STYLES.length)]!,
    hairline: between(random, -0.76, -0.6),
    parting: between(random, -0.35, 0.35),
    beard: bearded ? between(random, 0.15, 0.8) : 0,
    moustache: bearded || chance(random, 0.05) ? between(random, 0.2, 0.8) : 0,
    glasses: eyewear < 0.84 ? 'none' : eyewear < 0.92 ? 'thin' : eyewear < 0.99 ? 'thick' : 'dark',
    age: clamp(bell(random, 0.25), 0, 0.6),
  };
}
