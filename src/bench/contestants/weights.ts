import { readFile } from 'node:fs/promises';
import { decodeSafeTensors } from '../../interop/safetensors.js';

export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A network's weights by facegrad's (PyTorch's) names, and which of them were asked for. */
export class Weights {
  readonly #tensors: ReadonlyMap<string, Weight>;
  readonly #used = new Set<string>();

  constructor(tensors: ReadonlyMap<string, Weight>) {
    this.#tensors = tensors;
  }

  static async read(file: string): Promise<Weights> {
    const tensors = new Map<string, Weight>();
    for (const [name, { shape, data }] of decodeSafeTensors(await readFile(file)).tensors) {
      if (data instanceof Float32Array) tensors.set(name, { shape, data });
    }
    return new Weights(tensors);
  }

  /** @throws where there is none of that name */
  get(name: string): Weight {
    const weight = this.find(name);
    if (!weight) throw new Error(`the network has no weight ${name}`);
    return weight;
  }

  find(name: string): Weight | undefined {
    this.#used.add(name);
    return this.#tensors.get(name);
  }

  /** @throws when a weight was never asked for: the peer's network is not the same one */
  requireAllUsed(): void {
    const left = [...this.#tensors.keys()].filter(name => !this.#used.has(name));
    if (left.length > 0) throw new Error(`the peer's network lacks ${left.join(', ')}`);
  }
}
