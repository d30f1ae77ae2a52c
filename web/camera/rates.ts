/** Seconds that a rate looks back. */
const WINDOW = 2;

/** How often something happens, over the last two seconds. */
export class Rate {
  #times: number[] = [];

  /** @param at in milliseconds */
  happened(at: number): void {
    this.#times.push(at);
  }

  /** Times a second, from the first to the last in the window; 0 until there are two. */
  at(now: number): number {
    this.#times = this.#times.filter(time => now - time <= 1000 * WINDOW);
    const [first] = this.#times;
    const last = this.#times.at(-1);
    if (first === undefined || last === undefined || last === first) return 0;
    return (1000 * (this.#times.length - 1)) / (last - first);
  }
}

/** The median of the last values, so that one hiccup does not show. */
export class Recent {
  #values: number[] = [];

  constructor(private readonly count = 30) {}

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > this.count) this.#values.shift();
  }

  get median(): number | undefined {
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[sorted.length >> 1];
  }
}
