import { formatMebibytes, OutOfGpuMemoryError } from './errors.js';

/** A range of a GPU buffer: what a tensor's storage is, and what a kernel binds. */
export interface Slice {
  readonly buffer: PooledBuffer;
  /** In bytes; a multiple of the adapter's storage offset alignment (256). */
  readonly offset: number;
  /** In bytes; a multiple of 16, so that elementwise kernels may work on whole `vec4`s past the last element. */
  readonly bytes: number;
}

export interface PooledBuffer {
  /** Unique among the buffers of all pools: bind groups are found by it. */
  readonly id: number;
  /** The pool that it came from, which tells the device. */
  readonly pool: BufferPool;
  /** Made when it is first needed, so that a rehearsal (Device.rehearse) takes no memory. */
  readonly gpu: GPUBuffer;
  readonly bytes: number;
  /** Gives the memory back. */
  destroy(): void;
}

/** Alignment of sizes and offsets: WebGPU's largest storage offset alignment, and room for whole `vec4` loads. */
export const ALIGNMENT = 256;

export function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

const USAGE = 0x80 | 0x08 | 0x04; // STORAGE | COPY_DST | COPY_SRC
/** Free memory kept before buffers that nobody took lately are given back. */
const SPARE_BYTES = 256 * 2 ** 20;

/** In so many pieces it is found out how much memory is left. */
const PIECES = 16;

let nextId = 0;

/** Memory of the driver. */
interface Source {
  make(bytes: number, label: string): GPUBuffer;
  unmake(gpu: GPUBuffer, bytes: number): void;
}

class LazyBuffer implements PooledBuffer {
  readonly id = nextId++;
  #gpu: GPUBuffer | undefined;

  constructor(
    readonly pool: BufferPool,
    readonly bytes: number,
    private readonly source: Source,
  ) {}

  get gpu(): GPUBuffer {
    return (this.#gpu ??= this.source.make(this.bytes, `pool ${this.id}`));
  }

  destroy(): void {
    if (this.#gpu) this.source.unmake(this.#gpu, this.bytes);
  }
}

/**
 * Storage buffers by exact size, last freed first within a step, since it may still lie in a cache; steps begin with the same
 * order (`reorder`). A training step that allocates in the same order as the one before gets the same buffers back, which
 * keeps bind groups valid; nothing is created or destroyed from the second step on.
 */
export class BufferPool {
  readonly #free = new Map<number, PooledBuffer[]>();
  /** Sizes of which buffers were freed since the last `reorder`. */
  readonly #shuffled = new Set<number>();
  readonly #live = new Set<PooledBuffer>();
  #liveBytes = 0;
  #freeBytes = 0;
  #created = 0;
  #createdBytes = 0;
  #drawnBytes = 0;
  /** Buffers of which the driver has not yet said whether it had memory for them. */
  readonly #awaited = new Set<Promise<void>>();
  /** Those for which it had none. */
  readonly #refused = new WeakSet<GPUBuffer>();
  readonly #source: Source = {
    make: (bytes, label) => this.#make(bytes, label),
    unmake: (gpu, bytes) => {
      gpu.destroy();
      if (!this.#refused.has(gpu)) this.#drawnBytes -= bytes;
    },
  };

  /**
   * `destroy` must run after every recorded use of the buffer has been submitted; `lacking` is told of a buffer that the
   * driver has no memory for.
   */
  constructor(
    private readonly device: GPUDevice,
    private readonly destroy: (buffer: PooledBuffer) => void,
    private readonly lacking: (error: OutOfGpuMemoryError) => void,
  ) {}

  /** Bytes handed out and not yet released. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** Bytes held on the GPU, free ones included. */
  get allocatedBytes(): number {
    return this.#liveBytes + this.#freeBytes;
  }

  /** Bytes that the driver has given and not got back: not those of buffers that nothing has used yet. */
  get drawnBytes(): number {
    return this.#drawnBytes;
  }

  /** Bytes of all buffers made so far, those given back to the driver included. */
  get createdBytes(): number {
    return this.#createdBytes;
  }

  /** Resolves once the driver has answered for all buffers that were asked of it; undefined where it has. */
  get answered(): Promise<unknown> | undefined {
    return this.#awaited.size > 0 ? Promise.all(this.#awaited) : undefined;
  }

  /** Buffers handed out and not yet released. */
  get liveCount(): number {
    return this.#live.size;
  }

  /** Buffers made so far, those given back to the driver included. */
  get created(): number {
    return this.#created;
  }

  /**
   * A buffer of at least `bytes` bytes with undefined contents.
   * @throws OutOfGpuMemoryError when it would exceed what the adapter lets a kernel bind
   */
  acquire(bytes: number): Slice {
    const size = Math.max(ALIGNMENT, align(bytes));
    const { maxStorageBufferBindingSize, maxBufferSize } = this.device.limits;
    const limit = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    if (size > limit) {
      throw new OutOfGpuMemoryError(
        `a tensor of ${formatMebibytes(size)} exceeds the ${formatMebibytes(limit)} that this adapter lets a kernel bind`,
      );
    }
    let buffer = this.#free.get(size)?.pop();
    if (buffer) {
      this.#freeBytes -= size;
    } else {
      if (this.#freeBytes > this.#liveBytes + SPARE_BYTES) this.trim();
      this.#created++;
      this.#createdBytes += size;
      buffer = new LazyBuffer(this, size, this.#source);
    }
    this.#live.add(buffer);
    this.#liveBytes += size;
    return { buffer, offset: 0, bytes: Math.max(16, Math.ceil(bytes / 16) * 16) };
  }

  /** Hands a whole buffer back. Commands recorded earlier may still use it: the pool's users run in recorded order. */
  release(buffer: PooledBuffer): void {
    if (!this.#live.delete(buffer)) throw new Error(`buffer ${buffer.id} was released twice`);
    this.#liveBytes -= buffer.bytes;
    this.#freeBytes += buffer.bytes;
    const free = this.#free.get(buffer.bytes);
    if (free) free.push(buffer);
    else this.#free.set(buffer.bytes, [buffer]);
    this.#shuffled.add(buffer.bytes);
  }

  /**
   * Brings the stacks of free buffers into the order of their ages, the oldest on top, at the end of a step: the next one
   * then gets what depends on which buffers are free, and not on the order in which they were freed.
   */
  reorder(): void {
    for (const size of this.#shuffled) this.#free.get(size)?.sort((a, b) => b.id - a.id);
    this.#shuffled.clear();
  }

  /** Gives all free buffers back to the driver. */
  trim(): void {
    for (const buffers of this.#free.values()) for (const buffer of buffers) this.destroy(buffer);
    this.#free.clear();
    this.#freeBytes = 0;
  }

  /** How many bytes more the driver would give now, up to `most`: they are asked for piece by piece, and given back. */
  async spareBytes(most: number): Promise<number> {
    const size = align(most / PIECES);
    const pieces: GPUBuffer[] = [];
    try {
      while (pieces.length < PIECES) {
        this.device.pushErrorScope('out-of-memory');
        const piece = this.device.createBuffer({ label: 'spare', size, usage: USAGE });
        if (await this.device.popErrorScope()) break;
        pieces.push(piece);
      }
    } catch {
      // The device is gone.
    }
    for (const piece of pieces) piece.destroy();
    return pieces.length * size;
  }

  #make(bytes: number, label: string): GPUBuffer {
    const held = this.#drawnBytes;
    this.device.pushErrorScope('out-of-memory');
    const buffer = this.device.createBuffer({ label, size: bytes, usage: USAGE });
    this.#drawnBytes += bytes;
    const answer: Promise<void> = this.device.popErrorScope().then(
      error => {
        this.#awaited.delete(answer);
        if (!error) return;
        this.#refused.add(buffer);
        this.#drawnBytes -= bytes;
        this.lacking(lackOf(bytes, held, error));
      },
      () => {
        // The device is gone, which is told elsewhere.
        this.#awaited.delete(answer);
      },
    );
    this.#awaited.add(answer);
    return buffer;
  }
}

function lackOf(wanted: number, held: number, cause: GPUError): OutOfGpuMemoryError {
  const text = `out of GPU memory: ${formatMebibytes(wanted)} more were wanted where ${formatMebibytes(held)} are in use`;
  return new OutOfGpuMemoryError(text, { wanted, held }, { cause });
}
