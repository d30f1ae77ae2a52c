/** Tensors as pickles of PyTorch describe them: a shape and strides over a storage whose bytes lie elsewhere. */
import { count, dtypes, type HostTensor, type SafeDtype } from '../host-tensor.js';
import type { Budget } from './budget.js';
import { PickleError, PickleObject } from './values.js';

/** The type of a storage, such as `torch.FloatStorage`. */
export class StorageClass extends PickleObject {
  readonly kind = 'storage class';

  constructor(
    readonly name: string,
    readonly dtype: SafeDtype,
  ) {
    super();
  }
}

/** A storage, or the part of one from element `offset`. */
export class StorageRef extends PickleObject {
  readonly kind = 'storage';

  constructor(
    readonly key: string,
    readonly dtype: SafeDtype,
    /** Elements of the storage named `key`. */
    readonly total: number,
    readonly offset: number,
    /** Elements of this part. */
    readonly length: number,
  ) {
    super();
  }

  /** Bytes of the storage named `key`. */
  get totalBytes(): number {
    return this.total * dtypes[this.dtype].bytes;
  }
}

/** A tensor whose storage has not been read. */
export class PickledTensor extends PickleObject {
  readonly kind = 'tensor';

  /** @throws PickleError where the tensor reaches beyond its storage */
  constructor(
    readonly storage: StorageRef,
    /** In elements, from the begin of `storage`. */
    readonly offset: number,
    readonly shape: readonly number[],
    /** Elements from one index to the next, for each dimension. */
    readonly stride: readonly number[],
  ) {
    super();
    if (stride.length !== shape.length) throw new PickleError('a tensor has another number of strides than sizes');
    if (shape.length > 64) throw new PickleError(`a tensor has ${shape.length} dimensions`);
    const last = offset + shape.reduce((sum, size, i) => sum + (size - 1) * stride[i]!, 0);
    if (count(shape) > 0 && last >= storage.length) {
      throw new PickleError(
        `a tensor of shape (${shape.join(', ')}) reaches element ${last} of a storage of ${storage.length}`,
      );
    }
  }

  get bytes(): number {
    return count(this.shape) * dtypes[this.storage.dtype].bytes;
  }

  /**
   * Copies the tensor out of its storage's bytes, row-major.
   * @throws UserError where `budget` does not allow it
   */
  read(storageBytes: Uint8Array, budget: Budget): HostTensor {
    const { dtype, offset } = this.storage;
    const { bytes: width, array } = dtypes[dtype];
    budget.spend(this.bytes);
    const copy = new Uint8Array(this.bytes);
    const start = (offset + this.offset) * width;
    if (this.#isContiguous()) copy.set(storageBytes.subarray(start, start + copy.length));
    else this.#gather(storageBytes, start, width, copy);
    return { dtype, shape: this.shape, data: new array(copy.buffer) };
  }

  #isContiguous(): boolean {
    let expected = 1;
    for (let i = this.shape.length - 1; i >= 0; i--) {
      if (this.shape[i] !== 1 && this.stride[i] !== expected) return this.bytes === 0;
      expected *= this.shape[i]!;
    }
    return true;
  }

  /** Byte by byte, since a storage need not be aligned to its elements. */
  #gather(source: Uint8Array, start: number, width: number, target: Uint8Array): void {
    const { shape, stride } = this;
    const index = shape.map(() => 0);
    let from = start;
    for (let to = 0; to < target.length;) {
      for (let byte = 0; byte < width; byte++) target[to++] = source[from + byte]!;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += stride[axis]! * width;
        if (++index[axis]! < shape[axis]!) break;
        from -= stride[axis]! * width * shape[axis]!;
        index[axis] = 0;
      }
    }
  }
}
