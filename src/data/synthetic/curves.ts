import type { Polygon } from './canvas.js';

/** A parametric curve, sampled: x0, y0, x1, y1, … */
export type Curve = readonly number[];

/** Steps of a sampled arc; at 48 pixels more are not to be seen. */
const ARC_STEPS = 6;

/** A quadratic Bézier curve from (x0, y0) to (x2, y2) that passes through (x1, y1) half-way. */
export function arc(x0: number, y0: number, x1: number, y1: number, x2: number, y2: number): number[] {
  const controlX = 2 * x1 - (x0 + x2) / 2;
  const controlY = 2 * y1 - (y0 + y2) / 2;
  const points: number[] = [];
  for (let i = 0; i <= ARC_STEPS; i++) {
    const t = i / ARC_STEPS;
    const a = (1 - t) * (1 - t);
    const b = 2 * t * (1 - t);
    const c = t * t;
    points.push(a * x0 + b * controlX + c * x2, a * y0 + b * controlY + c * y2);
  }
  return points;
}

/** The region between two curves that run in the same direction. */
export function region(upper: Curve, lower: Curve): number[] {
  const points = [...upper];
  for (let i = lower.length - 2; i >= 0; i -= 2) points.push(lower[i]!, lower[i + 1]!);
  return points;
}

/**
 * An upright ellipse of 16 points. The circle is parametrised by the tangent of the half angle, which takes no sine:
 * x = (1 - t²) / (1 + t²), y = 2t / (1 + t²).
 */
export function ellipse(centreX: number, centreY: number, radiusX: number, radiusY: number): number[] {
  const points: number[] = [];
  for (let i = 0; i < 16; i++) {
    // t runs over -1 … 1 on the right half, and back on the left.
    const onRight = i < 8;
    const t = onRight ? i / 4 - 1 : 3 - i / 4;
    const x = (1 - t * t) / (1 + t * t);
    points.push(centreX + (onRight ? x : -x) * radiusX, centreY + ((2 * t) / (1 + t * t)) * radiusY);
  }
  return points;
}

/** The upper half of an ellipse, from left to right. */
export function dome(radiusX: number, baseY: number, height: number): number[] {
  const points: number[] = [];
  for (let i = 0; i <= 8; i++) {
    const t = i / 4 - 1;
    points.push(((2 * t) / (1 + t * t)) * radiusX, baseY - ((1 - t * t) / (1 + t * t)) * height);
  }
  return points;
}

/** The region that a pen leaves along a curve; its width goes evenly from `startWidth` to `endWidth`. */
export function stroke(curve: Curve, startWidth: number, endWidth = startWidth): Polygon {
  const left: number[] = [];
  const right: number[] = [];
  const last = curve.length - 2;
  for (let i = 0; i <= last; i += 2) {
    const before = Math.max(0, i - 2);
    const after = Math.min(last, i + 2);
    const dx = curve[after]! - curve[before]!;
    const dy = curve[after + 1]! - curve[before + 1]!;
    const length = Math.sqrt(dx * dx + dy * dy);
    const half = (startWidth + ((endWidth - startWidth) * i) / last) / 2;
    const offsetX = length > 0 ? (-dy / length) * half : 0;
    const offsetY = length > 0 ? (dx / length) * half : 0;
    left.push(curve[i]! + offsetX, curve[i + 1]! + offsetY);
    right.push(curve[i]! - offsetX, curve[i + 1]! - offsetY);
  }
  return region(left, right);
}
