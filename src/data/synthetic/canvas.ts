/** A polygon as x0, y0, x1, y1, … in pixels; the centre of the first pixel is (0.5, 0.5). */
export type Polygon = readonly number[];

/** How much of each pixel is covered, 0 to 1. Rows outside `firstRow` to `lastRow` are empty. */
export interface Mask {
  readonly coverage: Float64Array;
  firstRow: number;
  lastRow: number;
}

/** Lines that are sampled within a row of pixels; along a line coverage is exact. */
const LINES_PER_ROW = 4;

/**
 * A square grey picture with tones from 0 (black) to 1 (white) and a few ways to paint on it. Only additions,
 * multiplications, divisions and square roots are used, which IEEE 754 rounds alike everywhere: the same strokes give
 * the same bytes on every machine.
 */
export class Canvas {
  readonly pixels: Float64Array;
  /** How coverage changes from pixel to pixel, for the polygon at hand; two more columns for the right border. */
  readonly #changes: Float64Array;
  /** The mask of `fill`, empty between calls: most masks are used once. */
  readonly #scratch: Mask;

  constructor(readonly size: number) {
    this.pixels = new Float64Array(size * size);
    this.#changes = new Float64Array(size * (size + 2));
    this.#scratch = this.#emptyMask();
  }

  #emptyMask(): Mask {
    return { coverage: new Float64Array(this.size * this.size), firstRow: 0, lastRow: -1 };
  }

  /** How much of each pixel lies inside `polygon` (where its windings do not cancel). */
  mask(polygon: Polygon): Mask {
    const mask = this.#emptyMask();
    this.#cover(mask, polygon);
    return mask;
  }

  /** Paints a polygon, only within `clip`. */
  fill(polygon: Polygon, tone: number, opacity = 1, clip?: Mask): void {
    const mask = this.#scratch;
    this.#cover(mask, polygon);
    this.paint(mask, tone, opacity, clip);
    mask.coverage.fill(0, mask.firstRow * this.size, (mask.lastRow + 1) * this.size);
  }

  /** Paints `tone` where `mask` is, only within `clip`. */
  paint(mask: Mask, tone: number, opacity = 1, clip?: Mask): void {
    const { pixels, size } = this;
    const end = (mask.lastRow + 1) * size;
    for (let i = mask.firstRow * size; i < end; i++) {
      const coverage = mask.coverage[i]!;
      if (coverage === 0) continue;
      pixels[i]! += (tone - pixels[i]!) * coverage * opacity * (clip === undefined ? 1 : clip.coverage[i]!);
    }
  }

  /**
   * Writes the coverage of `polygon` to an empty mask. Each edge notes where it crosses the sampled lines, rightwards
   * of which the polygon begins or, for an edge in the other direction, ends; a running sum then gives the coverage.
   */
  #cover(mask: Mask, polygon: Polygon): void {
    let top = Infinity;
    let bottom = -Infinity;
    let x0 = polygon[polygon.length - 2]!;
    let y0 = polygon[polygon.length - 1]!;
    for (let i = 0; i < polygon.length; i += 2) {
      const x1 = polygon[i]!;
      const y1 = polygon[i + 1]!;
      if (y0 < y1) this.#addEdge(x0, y0, x1, y1, 1 / LINES_PER_ROW);
      else if (y1 < y0) this.#addEdge(x1, y1, x0, y0, -1 / LINES_PER_ROW);
      top = Math.min(top, y1);
      bottom = Math.max(bottom, y1);
      x0 = x1;
      y0 = y1;
    }
    mask.firstRow = Math.max(0, Math.floor(top));
    mask.lastRow = Math.min(this.size - 1, Math.floor(bottom));
    for (let row = mask.firstRow; row <= mask.lastRow; row++) this.#sumRow(mask.coverage, row);
  }

  /** `y0` is above `y1`. */
  #addEdge(x0: number, y0: number, x1: number, y1: number, change: number): void {
    const { size } = this;
    const slope = (x1 - x0) / (y1 - y0);
    const first = Math.max(0, Math.ceil(y0 * LINES_PER_ROW - 0.5));
    const end = Math.min(size * LINES_PER_ROW, Math.ceil(y1 * LINES_PER_ROW - 0.5));
    for (let line = first; line < end; line++) {
      const x = Math.min(size, Math.max(0, x0 + ((line + 0.5) / LINES_PER_ROW - y0) * slope));
      const column = Math.floor(x);
      const at = Math.floor(line / LINES_PER_ROW) * (size + 2) + column;
      this.#changes[at]! += change * (column + 1 - x);
      this.#changes[at + 1]! += change * (x - column);
    }
  }

  #sumRow(coverage: Float64Array, row: number): void {
    const { size } = this;
    const start = row * (size + 2);
    let sum = 0;
    for (let column = 0; column < size; column++) {
      sum += this.#changes[start + column]!;
      // Sums of fractions leave crumbs where a polygon has ended.
      const covered = Math.abs(sum);
      if (covered > 1e-9) coverage[row * size + column] = Math.min(1, covered);
    }
    this.#changes.fill(0, start, start + size + 2);
  }

  /**
   * A soft spot: brightens (or darkens, with a negative amount) by up to the factor 1 + `amount` in the middle of an
   * upright ellipse and not at all at its rim.
   */
  glow(centreX: number, centreY: number, radiusX: number, radiusY: number, amount: number, clip?: Mask): void {
    const { pixels, size } = this;
    const top = Math.max(0, Math.floor(centreY - radiusY));
    const bottom = Math.min(size - 1, Math.ceil(centreY + radiusY));
    const left = Math.max(0, Math.floor(centreX - radiusX));
    const right = Math.min(size - 1, Math.ceil(centreX + radiusX));
    for (let y = top; y <= bottom; y++) {
      const v = (y + 0.5 - centreY) / radiusY;
      for (let x = left; x <= right; x++) {
        const u = (x + 0.5 - centreX) / radiusX;
        const inside = 1 - u * u - v * v;
        if (inside > 0) pixels[y * size + x]! *= 1 + amount * inside * inside * (clip?.coverage[y * size + x] ?? 1);
      }
    }
  }

  /** Blurs with [side, 1 - 2 side, side] along rows, then along columns. `side` is at most 1/3. */
  blur(side: number): void {
    this.#blurLines(side, 1, this.size);
    this.#blurLines(side, this.size, 1);
  }

  #blurLines(side: number, step: number, lineStep: number): void {
    const { pixels, size } = this;
    for (let line = 0; line < size; line++) {
      let at = line * lineStep;
      let before = pixels[at]!;
      for (let i = 0; i < size; i++, at += step) {
        const here = pixels[at]!;
        const after = i + 1 < size ? pixels[at + step]! : here;
        pixels[at] = here + side * (before - 2 * here + after);
        before = here;
      }
    }
  }
}
