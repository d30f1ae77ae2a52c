import type { RandomStream } from '../../util/random.js';
import type { Curve } from './curves.js';
import { bell, between, clamp } from './draws.js';

/**
 * Where a head is in the picture. Head coordinates: the middle of the face is (0, 0), x goes to the right of the picture,
 * y down, and the chin is at about y = 1.
 */
export interface Pose {
  /** Pixels of one head unit. */
  scale: number;
  /** Width of the head relative to its height. */
  aspect: number;
  /** Place of the middle of the face, in pixels. */
  centreX: number;
  centreY: number;
  /** Cosine and sine of the turn in the picture's plane. */
  cos: number;
  sin: number;
  /** Turn to the side and up or down, as the shift of a point one unit in front of the head. */
  yaw: number;
  pitch: number;
}

/** Draws a pose; `size` is the picture's width and height. */
export function drawPose(random: RandomStream, size: number): Pose {
  // The tangent of half the angle gives cosine and sine without either function.
  const tangent = clamp(bell(random, 0.05), -0.15, 0.15);
  return {
    scale: size * between(random, 0.45, 0.55),
    aspect: between(random, 0.92, 1.08),
    centreX: size * (0.5 + clamp(bell(random, 0.04), -0.1, 0.1)),
    centreY: size * (0.5 + clamp(bell(random, 0.04), -0.1, 0.1)),
    cos: (1 - tangent * tangent) / (1 + tangent * tangent),
    sin: (2 * tangent) / (1 + tangent * tangent),
    yaw: clamp(bell(random, 0.13), -0.35, 0.35),
    pitch: clamp(bell(random, 0.1), -0.25, 0.25),
  };
}

/**
 * Head coordinates to pixels. `depth` is how far in front of the head's middle the points lie at x = 0; the face curves
 * back to both sides, so that a turn brings one side nearer to the nose and hides the other.
 */
export function project(pose: Pose, points: Curve, depth: number): number[] {
  const { scale, aspect, centreX, centreY, cos, sin, yaw, pitch } = pose;
  const pixels: number[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const x = points[i]!;
    const y = points[i + 1]!;
    const z = depth - depth * 0.8 * x * x;
    const u = (x + yaw * z) * aspect * scale;
    const v = (y + pitch * z) * scale;
    pixels.push(centreX + cos * u - sin * v, centreY + sin * u + cos * v);
  }
  return pixels;
}
