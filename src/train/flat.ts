import type { Device } from '../gpu/device.js';
import { align, type Slice } from '../gpu/pool.js';
import { Storage, type Parameter } from '../tensor/index.js';

/** Where a parameter lies inside its block, in bytes. */
export interface Place {
  readonly parameter: Parameter;
  readonly offset: number;
  readonly bytes: number;
}

/**
 * Parameters laid one after the other in one buffer, and their gradients in the same order in a second: one launch
 * updates any run of neighbours. Between a parameter's end and the next one's aligned beginning lies padding whose
 * contents mean nothing.
 */
export class FlatBlock {
  readonly places: readonly Place[];
  readonly bytes: number;
  readonly #parameters: Slice;
  readonly #gradients: Slice;

  private constructor(
    readonly device: Device,
    parameters: readonly Parameter[],
  ) {
    let offset = 0;
    this.places = parameters.map(parameter => {
      const place = { parameter, offset, bytes: align(parameter.size * 4) };
      offset += place.bytes;
      return place;
    });
    this.bytes = offset;
    this.#parameters = device.pool.acquire(offset);
    this.#gradients = device.pool.acquire(offset);
    device.clear(this.#gradients);
    for (const { parameter, offset: at, bytes } of this.places) {
      parameter.moveTo(new Storage(device, { buffer: this.#parameters.buffer, offset: at, bytes }, false));
      parameter.gradStorage = new Storage(device, { buffer: this.#gradients.buffer, offset: at, bytes }, false);
    }
  }

  /** Moves the parameters into as few blocks as the adapter's binding limit allows. */
  static build(parameters: readonly Parameter[]): FlatBlock[] {
    const device = parameters[0]!.device;
    const limit = device.limits.maxStorageBufferBindingSize;
    const blocks: Parameter[][] = [[]];
    let bytes = 0;
    for (const parameter of parameters) {
      const size = align(parameter.size * 4);
      if (bytes + size > limit && bytes > 0) {
        blocks.push([]);
        bytes = 0;
      }
      blocks.at(-1)!.push(parameter);
      bytes += size;
    }
    return blocks.map(block => new FlatBlock(device, block));
  }

  /** Parameters and gradients of the neighbours from `first` to `last`. */
  range(first: Place, last: Place): { parameter: Slice; gradient: Slice } {
    const span = { offset: first.offset, bytes: last.offset + last.bytes - first.offset };
    return {
      parameter: { buffer: this.#parameters.buffer, ...span },
      gradient: { buffer: this.#gradients.buffer, ...span },
    };
  }
}
