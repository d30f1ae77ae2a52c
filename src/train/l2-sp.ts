import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { CHUNK_BYTES, pullToStart, type FlatMemory } from '../kernels/index.js';
import { Storage, type Parameter } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { tensorOver, type GradientPenalty, type Optimizer } from './optimizer.js';

/** The values that parameters had when training began, of those that came from a file, by name; on the host. */
export type Origin = ReadonlyMap<string, Float32Array<ArrayBuffer>>;

/** How strongly weights are pulled: α and β of Li, Grandvalet and Davoine, ICML 2018. */
export interface L2SpStrengths {
  /** Of the pull to the starting values. */
  readonly alpha: number;
  /** Of the pull to zero that parameters without one get. */
  readonly beta: number;
}

/** What `--l2-sp alpha[,beta]` means: beta is alpha where it is not given. */
export function l2SpStrengths([alpha, beta = alpha]: readonly number[]): L2SpStrengths {
  if (alpha === undefined || beta === undefined) throw new UserError('--l2-sp: give alpha, or alpha and beta');
  return { alpha, beta };
}

/** The starting values of the flat memory of an optimiser, and how strongly they pull. */
interface Anchor {
  readonly start: Storage;
  readonly strengths: Slice;
}

/**
 * The L2-SP penalty on an optimiser's parameters (l2_sp.wgsl): they are pulled to the values that they began from, or to
 * zero where they began fresh. It comes on top of the optimiser's weight decay.
 */
export class L2Sp implements GradientPenalty {
  readonly #device: Device;
  readonly #anchors: readonly Anchor[];

  /**
   * @param startOf values of a parameter in PyTorch's order; undefined for a fresh one
   * @param exempt parameters that nothing pulls
   */
  constructor(
    optimizer: Optimizer,
    { alpha, beta }: L2SpStrengths,
    startOf: (parameter: Parameter) => Float32Array | undefined,
    exempt: ReadonlySet<Parameter> = new Set(),
  ) {
    const { blocks } = optimizer;
    const { device } = blocks[0]!;
    this.#device = device;
    this.#anchors = blocks.map(({ bytes, places }) => {
      const start = new Storage(device, device.pool.acquire(bytes));
      device.clear(start.slice);
      const strengths = new Float32Array(bytes / CHUNK_BYTES);
      for (const place of places) {
        const values = startOf(place.parameter);
        if (values) {
          const tensor = tensorOver(place, start, device);
          tensor.set(values);
          tensor.dispose();
        }
        const strength = exempt.has(place.parameter) ? 0 : values ? alpha : beta;
        strengths.fill(strength, place.offset / CHUNK_BYTES, (place.offset + place.bytes) / CHUNK_BYTES);
      }
      const table = device.pool.acquire(strengths.byteLength);
      device.write(table, strengths);
      return { start, strengths: table };
    });
  }

  /** Adds its gradient, in one launch a block. */
  addTo(memories: readonly FlatMemory[]): void {
    memories.forEach((memory, i) => {
      const { start, strengths } = this.#anchors[i]!;
      pullToStart(this.#device, memory, start.slice, strengths);
    });
  }

  /** Gives its memory back. */
  dispose(): void {
    for (const { start, strengths } of this.#anchors) {
      start.release();
      this.#device.pool.release(strengths.buffer);
    }
  }
}
