import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import {
  correctRecords,
  finishScaling,
  unscaleGradients,
  type FlatMemory,
  type RecordCorrection,
  type ScalerRule,
} from '../kernels/index.js';
import { Storage, Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';

/** What of a scaler must be saved with a run. */
export interface ScalerState {
  readonly scale: number;
  /** Steps since the scale last changed. */
  readonly growthTracker: number;
}

/** Options of `GradScaler`, those of torch.amp.GradScaler. */
export interface ScalerOptions {
  /** The first scale: a power of two. */
  readonly initScale?: number;
  /** Steps without infinities after which the scale is doubled. */
  readonly growthInterval?: number;
}

/** Scales below this are no help to anybody: the gradients themselves are not finite. */
const LEAST_SCALE = 2 ** -20;

/**
 * Dynamic scaling of the loss for training with f16 operands: torch.amp.GradScaler with its defaults (2^16, doubled after
 * 2,000 good steps, halved after a bad one, whose update is left out), except that nothing is read back at a step.
 *
 * A step is `backward(loss, scaler.seed(loss))`, then `optimizer.step(totals, scaler)`.
 */
export class GradScaler {
  readonly #rule: ScalerRule;
  readonly #state: Slice;
  readonly #storage: Storage;
  readonly #guard: Slice;
  /** Updates of each parameter when those that were left out were last taken off. */
  #counted: readonly number[] | undefined;

  constructor(
    private readonly device: Device,
    { initScale = 2 ** 16, growthInterval = 2000 }: ScalerOptions = {},
  ) {
    this.#rule = { growth: 2, backoff: 0.5, interval: growthInterval };
    this.#state = device.pool.acquire(16);
    this.#storage = new Storage(device, this.#state);
    this.#guard = device.pool.acquire(16);
    this.load({ scale: initScale, growthTracker: 0 });
  }

  /** The gradient to begin with in place of one: the scale. The caller disposes of it, or a scope does. */
  seed(loss: Tensor): Tensor {
    if (loss.size !== 1) throw new Error('the loss that is scaled has one element');
    return new Tensor(loss.shape, this.#storage.retain());
  }

  /**
   * Called by the optimiser before it updates: divides all gradients, and gives what it is to take for `totals`.
   * `correction`: its records, where they depend on the number of updates. The slice holds until the next step, for whatever else must stand still with the optimiser (an average of the weights).
   */
  decide(
    memories: readonly Pick<FlatMemory, 'gradient' | 'chunks'>[],
    totals: Slice,
    correction?: { readonly entry: RecordCorrection; readonly records: Slice; readonly count: number },
  ): Slice {
    for (const memory of memories) unscaleGradients(this.device, memory, this.#state);
    if (correction) {
      correctRecords(this.device, correction.entry, correction.records, correction.count, this.#state);
    }
    finishScaling(this.device, this.#state, totals, this.#guard, this.#rule);
    return this.#guard;
  }

  /** Totals for what must stand still when the last step's update was left out. */
  get guard(): Slice {
    return this.#guard;
  }

  /**
   * The state now, for a checkpoint; reads it back. Updates that were left out are taken off the optimiser's counts, which the
   * host keeps without knowing of them.
   * @throws UserError when no scale is small enough
   */
  async settle(optimizer: { steps: readonly number[] }): Promise<ScalerState> {
    const bits = await this.device.read(this.#state);
    const scale = new Float32Array(bits)[0]!;
    const [, growthTracker, skipped] = new Uint32Array(bits) as unknown as [number, number, number];
    if (scale < LEAST_SCALE) {
      throw new UserError(
        'mixed precision left out nearly every update: gradients are not finite whatever the loss is scaled by. Try a ' +
          'smaller --lr, or --precision f32',
      );
    }
    const before = this.#counted;
    optimizer.steps = optimizer.steps.map((steps, i) => {
      // A parameter without a gradient was not counted at all.
      const since = steps - (before?.[i] ?? 0);
      return steps - Math.min(skipped, since);
    });
    this.#counted = optimizer.steps;
    const state = { scale, growthTracker: growthTracker };
    this.#write(state);
    return state;
  }

  /** Goes on from a saved state. `steps`: the optimiser's counts that were saved with it. */
  load(state: ScalerState, steps?: readonly number[]): void {
    const { scale } = state;
    if (!(scale > 0) || !Number.isInteger(Math.log2(scale)) || Math.abs(Math.log2(scale)) > 126) {
      throw new UserError(`the scale of the loss is a power of two, not ${scale}`);
    }
    this.#counted = steps;
    this.#write(state);
  }

  /** Gives its memory back. */
  dispose(): void {
    this.#storage.release();
    this.device.pool.release(this.#guard.buffer);
  }

  /** No update was left out so far, and none is to be. */
  #write({ scale, growthTracker }: ScalerState): void {
    const words = new Uint32Array(4);
    new Float32Array(words.buffer)[0] = scale;
    words[1] = growthTracker;
    this.device.write(this.#state, words);
  }
}
