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
  readonly #parameters: Storage;
  readonly #gradients: Storage;

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
    this.#parameters = new Storage(device, device.pool.acquire(offset));
    this.#gradients = new Storage(device, device.pool.acquire(offset));
    device.clear(this.#gradients.slice);
    for (const { parameter, offset: at, bytes } of this.places) {
      const inside = (whole: Storage) => new Storage(device, { buffer: whole.slice.buffer, offset: at, bytes }, whole);
      parameter.moveTo(inside(this.#parameters));
      parameter.gradStorage = inside(this.#gradients);
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
      parameter: { buffer: this.#parameters.slice.buffer, ...span },
      gradient: { buffer: this.#gradients.slice.buffer, ...span },
    };
  }

  /** Lets go of the buffers; the parameters keep theirs until they are disposed, gradients until `zeroGrad`. */
  dispose(): void {
    for (const { parameter } of this.places) parameter.gradStorage = undefined;
    this.#parameters.release();
    this.#gradients.release();
  }
}
