/** Below this side a cell is not divided any more: its points are as good as one. */
const SMALLEST = 1e-12;

/**
 * A quadtree over points in the plane that gives the sums of Barnes and Hut: each point against all others, with cells that are
 * far enough away taken as one point in their middle.
 */
export class QuadTree {
  readonly #capacity: number;
  /** Four children of each cell, 0 for none; the root is cell 0 and no cell's child. */
  readonly #children: Uint32Array;
  readonly #mass: Float64Array;
  readonly #sumX: Float64Array;
  readonly #sumY: Float64Array;
  readonly #side: Float64Array;
  readonly #stack: Uint32Array;
  #cells = 0;

  /** Memory for trees of `count` points, to be built again and again. */
  constructor(readonly count: number) {
    this.#capacity = 64 * count + 64;
    this.#children = new Uint32Array(4 * this.#capacity);
    this.#mass = new Float64Array(this.#capacity);
    this.#sumX = new Float64Array(this.#capacity);
    this.#sumY = new Float64Array(this.#capacity);
    this.#side = new Float64Array(this.#capacity);
    this.#stack = new Uint32Array(256 + 4 * 64);
  }

  /** @param points (count,2) */
  build(points: Float64Array): void {
    let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < points.length; i += 2) {
      left = Math.min(left, points[i]!);
      right = Math.max(right, points[i]!);
      top = Math.min(top, points[i + 1]!);
      bottom = Math.max(bottom, points[i + 1]!);
    }
    const side = Math.max(right - left, bottom - top, SMALLEST) * (1 + 1e-9);
    this.#cells = 0;
    this.#newCell(side);
    for (let i = 0; i < points.length; i += 2) this.#insert(points[i]!, points[i + 1]!, left, top, side);
  }

  #newCell(side: number): number {
    const cell = this.#cells++;
    this.#children.fill(0, 4 * cell, 4 * cell + 4);
    this.#mass[cell] = this.#sumX[cell] = this.#sumY[cell] = 0;
    this.#side[cell] = side;
    return cell;
  }

  #insert(x: number, y: number, left: number, top: number, side: number): void {
    let cell = 0;
    for (;;) {
      const before = this.#mass[cell]!;
      const [sumX, sumY] = [this.#sumX[cell]!, this.#sumY[cell]!];
      // An undivided cell holds points of one place: they go one down before another place comes in.
      const whole = before > 0 && !this.#divided(cell);
      this.#mass[cell]! += 1;
      this.#sumX[cell]! += x;
      this.#sumY[cell]! += y;
      if (before === 0) return;
      const full = side < SMALLEST || this.#cells + 2 > this.#capacity;
      if (whole && (full || (sumX / before === x && sumY / before === y))) return;
      const half = side / 2;
      if (whole) {
        const child = this.#child(cell, sumX / before, sumY / before, left, top, half);
        this.#mass[child] = before;
        this.#sumX[child] = sumX;
        this.#sumY[child] = sumY;
      }
      cell = this.#child(cell, x, y, left, top, half);
      if (x >= left + half) left += half;
      if (y >= top + half) top += half;
      side = half;
    }
  }

  #divided(cell: number): boolean {
    const c = this.#children;
    return (c[4 * cell]! | c[4 * cell + 1]! | c[4 * cell + 2]! | c[4 * cell + 3]!) !== 0;
  }

  #child(cell: number, x: number, y: number, left: number, top: number, half: number): number {
    const slot = 4 * cell + (x >= left + half ? 1 : 0) + (y >= top + half ? 2 : 0);
    return this.#children[slot] || (this.#children[slot] = this.#newCell(half));
  }

  /**
   * Adds Σ_j (y_i − y_j)/(1 + |y_i − y_j|²)² over all other points to `force` (2) at (x, y), one of the points, and gives
   * Σ_j 1/(1 + |y_i − y_j|²). A cell counts as one point where its side over its distance is below `theta`.
   */
  repel(x: number, y: number, theta: number, force: Float64Array): number {
    const stack = this.#stack;
    const limit = theta * theta;
    let depth = 0;
    let total = 0;
    stack[depth++] = 0;
    while (depth > 0) {
      const cell = stack[--depth]!;
      const mass = this.#mass[cell]!;
      const dx = x - this.#sumX[cell]! / mass;
      const dy = y - this.#sumY[cell]! / mass;
      const square = dx * dx + dy * dy;
      const side = this.#side[cell]!;
      if (side * side < limit * square || !this.#divided(cell)) {
        const q = 1 / (1 + square);
        total += mass * q;
        force[0]! += mass * q * q * dx;
        force[1]! += mass * q * q * dy;
        continue;
      }
      for (let i = 4 * cell; i < 4 * cell + 4; i++) {
        const child = this.#children[i]!;
        if (child !== 0) stack[depth++] = child;
      }
    }
    // The point itself was counted once, at distance 0.
    return total - 1;
  }
}
