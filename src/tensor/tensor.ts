import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { defaultDevice } from './context.js';
import { elementCount, formatShape, fromPhysical, toPhysical } from './layout.js';
import { adopt } from './scope.js';

/** Types of elements: single precision, and unsigned 32-bit whole numbers for labels and indices. */
export type DType = 'f32' | 'u32';
/** Elements as they lie on the host, in row-major order of the shape. */
export type HostArray = Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** GPU memory under one or more tensors: views share it, and the last one that goes hands it back to the pool. */
export class Storage {
  #references: number;

  /**
   * Memory from the pool begins with one owner, the tensor that it is made for. With a `parent` this is a range inside the
   * parent's memory (a parameter in a flat buffer), which lives as long as some tensor over the range does; every such
   * tensor is made with `retain()`.
   */
  constructor(
    readonly device: Device,
    readonly slice: Slice,
    private readonly parent?: Storage,
  ) {
    this.#references = parent ? 0 : 1;
  }

  /** True when a single tensor owns this memory, so that it may be overwritten. */
  get exclusive(): boolean {
    return this.#references === 1;
  }

  /** Counts one owner more. */
  retain(): this {
    if (this.#references === 0) this.parent?.retain();
    this.#references++;
    return this;
  }

  /** Counts one owner less; the last gives the memory back to the pool. */
  release(): void {
    this.#references--;
    if (this.#references > 0) return;
    if (this.parent) this.parent.release();
    else this.device.pool.release(this.slice.buffer);
  }
}

/** One recorded operation. */
export interface Node {
  /** Rises with every recorded operation, so that descending ids are a topological order. */
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly Tensor[];
  /**
   * Gradients with respect to `inputs`, given the output's. `needs[i]` says whether input i's is wanted; a wanted one
   * is a tensor of its own (never `dy` itself: `dy.alias()`), an unwanted one may be undefined.
   */
  readonly backward: (dy: Tensor, needs: readonly boolean[]) => readonly (Tensor | undefined)[];
}

export interface TensorOptions {
  readonly dtype?: DType;
  readonly requiresGrad?: boolean;
  readonly device?: Device;
}

/**
 * An n-dimensional array on the GPU. Shapes, indices and host data are in PyTorch's order: (N,C,H,W) for images, (O,I,H,W)
 * for convolution weights. In memory four-dimensional tensors keep dimension 1 innermost (src/tensor/layout.ts).
 */
export class Tensor {
  /** Sizes by PyTorch's order, (N,C,H,W) of images; () of a scalar. */
  readonly shape: readonly number[];
  /** Type of the elements. */
  readonly dtype: DType;
  /** Where the gradient is deposited by `backward`; only for leaves and where `retainGrad` was called. */
  grad: Tensor | undefined;
  /** The operation that made this tensor; undefined for leaves and where no gradient is recorded. */
  node: Node | undefined;
  /** Whether `backward` computes a gradient for it. */
  requiresGrad: boolean;
  /** Whether a tensor that is no leaf keeps its gradient, as PyTorch's `retain_grad` asks for. */
  retainsGrad = false;
  #storage: Storage;
  #disposed = false;
  #kept = false;

  /** For operations: wraps memory that they filled or will fill. Users call `Tensor.from`, `zeros` and the like. */
  constructor(shape: readonly number[], storage: Storage, options: { dtype?: DType; requiresGrad?: boolean } = {}) {
    this.shape = shape;
    this.dtype = options.dtype ?? 'f32';
    this.requiresGrad = options.requiresGrad ?? false;
    this.#storage = storage;
    adopt(this);
  }

  /** An uninitialised tensor. Shape errors throw: every size is a whole number of at least 1. */
  static empty(shape: readonly number[], options: TensorOptions = {}): Tensor {
    for (const size of shape) {
      if (!Number.isInteger(size) || size < 1) {
        throw new Error(`a tensor cannot have the shape ${formatShape(shape)}: sizes are whole numbers of at least 1`);
      }
    }
    const device = options.device ?? defaultDevice();
    return new Tensor(shape, new Storage(device, device.pool.acquire(elementCount(shape) * 4)), options);
  }

  /** A tensor with `data` in PyTorch's order. */
  static from(data: ArrayLike<number>, shape: readonly number[], options: TensorOptions = {}): Tensor {
    if (data.length !== elementCount(shape)) {
      throw new Error(`${data.length} values do not fill the shape ${formatShape(shape)} of ${elementCount(shape)}`);
    }
    const tensor = Tensor.empty(shape, options);
    tensor.set(data);
    return tensor;
  }

  /** A tensor of that shape, each element `value`. */
  static full(shape: readonly number[], value: number, options: TensorOptions = {}): Tensor {
    return Tensor.from(new Float32Array(elementCount(shape)).fill(value), shape, options);
  }

  /** A tensor of that shape, each element 0. */
  static zeros(shape: readonly number[], options: TensorOptions = {}): Tensor {
    const tensor = Tensor.empty(shape, options);
    tensor.device.clear(tensor.slice);
    return tensor;
  }

  /** A tensor of that shape, each element 1. */
  static ones(shape: readonly number[], options: TensorOptions = {}): Tensor {
    return Tensor.full(shape, 1, options);
  }

  /** The device in whose memory the elements are. */
  get device(): Device {
    return this.#storage.device;
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.shape);
  }

  /** Whether its memory was given back; using it then throws. */
  get disposed(): boolean {
    return this.#disposed;
  }

  /** Whether `keep` was called: no scope frees it then. */
  get kept(): boolean {
    return this.#kept;
  }

  /**
   * The memory that views share.
   * @throws Error where the tensor was freed
   */
  get storage(): Storage {
    if (this.#disposed) {
      throw new Error(
        `a tensor of shape ${formatShape(this.shape)} is used after its scope has ended; call keep() on it before`,
      );
    }
    return this.#storage;
  }

  /**
   * The memory as kernels bind it.
   * @throws Error where the tensor was freed
   */
  get slice(): Slice {
    return this.storage.slice;
  }

  /** Exempts this tensor from the scope that it was made in; `dispose` then frees it. */
  keep(): this {
    this.#kept = true;
    return this;
  }

  /** Gives the memory back. Safe to call twice. */
  dispose(): void {
    if (this.#disposed) return;
    this.#storage.release();
    this.#disposed = true;
    this.node = undefined;
  }

  /** Another tensor over the same memory, outside the tape. The shape must have the same physical order. */
  alias(shape: readonly number[] = this.shape): Tensor {
    return new Tensor(shape, this.storage.retain(), { dtype: this.dtype });
  }

  /** The same values, cut off from the tape. */
  detach(): Tensor {
    return this.alias();
  }

  /** Moves this tensor to other memory of the same size (a range of a flat buffer), values included. */
  moveTo(storage: Storage): void {
    this.device.copy({ ...this.slice, bytes: this.size * 4 }, storage.slice);
    this.#storage.release();
    this.#storage = storage.retain();
  }

  /** Overwrites the values with `data` in PyTorch's order. */
  set(data: ArrayLike<number>): void {
    if (data.length !== this.size) {
      throw new Error(`${data.length} values do not fill the shape ${formatShape(this.shape)} of ${this.size}`);
    }
    const values = this.dtype === 'f32' ? Float32Array.from(data) : Uint32Array.from(data);
    this.device.write(this.slice, toPhysical(values, this.shape));
  }

  /** Reads the values back, in PyTorch's order. Submits and waits for everything recorded before. */
  async data(): Promise<Float32Array<ArrayBuffer>> {
    return Float32Array.from(await this.read());
  }

  /** Reads the values back as the array type of this dtype, in PyTorch's order. */
  async read(): Promise<HostArray> {
    const bytes = await this.device.read({ ...this.slice, bytes: this.size * 4 });
    return fromPhysical(this.dtype === 'f32' ? new Float32Array(bytes) : new Uint32Array(bytes), this.shape);
  }

  /** The value of a tensor of one element. */
  async item(): Promise<number> {
    if (this.size !== 1) throw new Error(`item() needs one element; the shape is ${formatShape(this.shape)}`);
    return (await this.read())[0]!;
  }

  /** Asks `backward` to leave this intermediate tensor's gradient in `grad`. */
  retainGrad(): this {
    this.retainsGrad = true;
    return this;
  }
}

/** A tensor that a module learns. Kept outside scopes; an optimiser may give its gradient a fixed place. */
export class Parameter extends Tensor {
  /** Memory inside the optimiser's flat gradient buffer, written directly by backward kernels. */
  gradStorage: Storage | undefined;

  constructor(shape: readonly number[], storage: Storage) {
    super(shape, storage, { requiresGrad: true });
    this.keep();
  }

  /** A parameter with `data` in PyTorch's order. */
  static of(data: ArrayLike<number>, shape: readonly number[], device = defaultDevice()): Parameter {
    const parameter = new Parameter(shape, new Storage(device, device.pool.acquire(elementCount(shape) * 4)));
    parameter.set(data);
    return parameter;
  }

  override dispose(): void {
    this.grad?.dispose();
    super.dispose();
  }
}
