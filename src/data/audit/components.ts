/** Union-find over 0..count-1: which elements hang together, directly or through others. */
export class Components {
  readonly #parent: Uint32Array;

  constructor(private readonly count: number) {
    this.#parent = Uint32Array.from({ length: count }, (_, i) => i);
  }

  /** The smallest element of the component of `i`. */
  find(i: number): number {
    while (this.#parent[i] !== i) {
      this.#parent[i] = this.#parent[this.#parent[i]!]!;
      i = this.#parent[i]!;
    }
    return i;
  }

  join(i: number, j: number): void {
    const a = this.find(i);
    const b = this.find(j);
    if (a < b) this.#parent[b] = a;
    else this.#parent[a] = b;
  }

  /** Components of two elements or more, each in ascending order, ordered by their first elements. */
  groups(): number[][] {
    const members = new Map<number, number[]>();
    for (let i = 0; i < this.count; i++) {
      const root = this.find(i);
      const group = members.get(root);
      if (group) group.push(i);
      else members.set(root, [i]);
    }
    return [...members.values()].filter(group => group.length > 1);
  }
}
