import type { Canvas, Mask } from './canvas.js';
import type { Curve } from './curves.js';
import { project, type Pose } from './pose.js';

/** How far in front of the head's middle things lie, in head units: what turns a shift of the head into a turn. */
export const DEPTH = { back: -0.3, middle: 0, hairline: 0.4, eye: 0.55, mouth: 0.6, nose: 0.7, noseTip: 0.95 } as const;

/** Paints in head coordinates (see Pose). */
export class Brush {
  constructor(
    readonly canvas: Canvas,
    readonly pose: Pose,
  ) {}

  fill(depth: number, points: Curve, tone: number, opacity = 1, clip?: Mask): void {
    if (opacity > 0) this.canvas.fill(project(this.pose, points, depth), tone, opacity, clip);
  }

  mask(depth: number, points: Curve): Mask {
    return this.canvas.mask(project(this.pose, points, depth));
  }

  /** `Canvas.glow` at (x, y); `width` and `height` are half the spot's. */
  glow(depth: number, x: number, y: number, width: number, height: number, amount: number, clip: Mask): void {
    const [centreX, centreY] = project(this.pose, [x, y], depth);
    const { scale } = this.pose;
    this.canvas.glow(centreX!, centreY!, width * scale, height * scale, amount, clip);
  }
}
