import type { Device } from '../gpu/device.js';
import { align, type Slice } from '../gpu/pool.js';
import { Storage, type Parameter } from '../tensor/index.js';

/** Where a parameter lies inside its block, in bytes. */
export interface Place {
  readonly parameter: Parameter;
  readonly offset: number;
  readonly bytes: number;
  /** Where the parameter's gradient goes, as long as it has not moved into another block. */
  readonly gradient: Storage;
}

/**
 * Parameters laid one after the other in one buffer, and their gradients in the same order in a second: one launch
 * updates them all. Between a parameter's end and the next one's aligned beginning lies padding whose contents mean
 * nothing.
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
    this.bytes = parameters.reduce((total, parameter) => total + align(parameter.size * 4), 0);
    this.#parameters = new Storage(device, device.pool.acquire(this.bytes));
    this.#gradients = new Storage(device, device.pool.acquire(this.bytes));
    device.clear(this.#gradients.slice);
    let offset = 0;
    this.places = parameters.map(parameter => {
      const bytes = align(parameter.size * 4);
      const at = offset;
      offset += bytes;
      const inside = (whole: Storage) => new Storage(device, { buffer: whole.slice.buffer, offset: at, bytes }, whole);
      parameter.moveTo(inside(this.#parameters));
      const gradient = inside(this.#gradients);
      parameter.gradStorage = gradient;
      return { parameter, offset: at, bytes, gradient };
    });
  }

  /**
   * Moves the parameters into as few blocks as the adapter's binding limit allows.
   * @throws when one is given twice: it can lie in one place only
   */
  static build(parameters: readonly Parameter[]): FlatBlock[] {
    if (new Set(parameters).size < parameters.length) throw new Error('an optimizer was given a parameter twice');
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

  /** All parameters and all gradients, padding included. */
  get memory(): { parameter: Slice; gradient: Slice } {
    return { parameter: this.#parameters.slice, gradient: this.#gradients.slice };
  }

  /** Lets go of the buffers; the parameters keep theirs until they are disposed, gradients until `zeroGrad`. */
  dispose(): void {
    for (const { parameter, gradient } of this.places) {
      if (parameter.gradStorage === gradient) parameter.gradStorage = undefined;
    }
    this.#parameters.release();
    this.#gradients.release();
  }
}
