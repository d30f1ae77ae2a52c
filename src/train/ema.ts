import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { averageWeight, swapAverage, updateAverage } from '../kernels/index.js';
import { Storage, type Tensor } from '../tensor/index.js';
import { tensorOver, requireFrom0, type Optimizer } from './optimizer.js';

/** How a moving average of weights moves, once a step. */
export interface EmaOptions {
  /** Share of the average that a step keeps. */
  readonly decay: number;
  /** The decay grows towards its value as (1 + t) / (10 + t) over the updates t, so that the first ones count for less. */
  readonly warmup?: boolean;
}

/**
 * The exponential moving average of an optimiser's parameters, in flat memory beside theirs. The first update copies them,
 * each later one takes average = decay · average + (1 − decay) · parameter, as torch.optim.swa_utils.AveragedModel with
 * get_ema_avg_fn; like there, buffers such as running statistics stay the model's.
 */
export class WeightAverage {
  readonly #device: Device;
  readonly #averages: readonly Storage[];
  /** Its weight and the updates taken in (optimizer.wgsl). */
  readonly #progress: Slice;

  /** @throws UserError for a decay that is not from 0 to below 1 */
  constructor(
    private readonly optimizer: Optimizer,
    private readonly options: EmaOptions,
  ) {
    requireFrom0('the decay of the weight average', options.decay, 1);
    const { blocks } = optimizer;
    const { device } = blocks[0]!;
    this.#device = device;
    this.#averages = blocks.map(block => {
      const storage = new Storage(device, device.pool.acquire(block.bytes));
      device.copy(block.memory.parameter, storage.slice);
      return storage;
    });
    this.#progress = device.pool.acquire(16);
    this.restoreSteps(0);
  }

  /** Updates taken in; reads them back. */
  async steps(): Promise<number> {
    return new Uint32Array(await this.#device.read(this.#progress))[1]!;
  }

  /** Goes on as after so many updates. */
  restoreSteps(steps: number): void {
    this.#device.write(this.#progress, Uint32Array.of(0, steps, 0, 0));
  }

  /**
   * Takes in the parameters after a step. Stands still with the optimiser: once `totals` counts a bad loss, and where a
   * GradScaler's guard stands in their place, at an update that was left out, which does not count.
   */
  update(totals: Slice = this.#device.zeros): void {
    const { decay, warmup = false } = this.options;
    averageWeight(this.#device, this.#progress, decay, warmup, totals);
    this.optimizer.blocks.forEach(({ memory }, i) => {
      updateAverage(this.#device, memory.parameter, this.#averages[i]!.slice, this.#progress, totals);
    });
  }

  /** Runs `fn` while the averages stand in the parameters' place, and puts these back to the bit. */
  async inPlace<T>(fn: () => Promise<T>): Promise<T> {
    this.#swap();
    try {
      return await fn();
    } finally {
      this.#swap();
    }
  }

  /** The average of each of the optimiser's parameters, in its order; tensors over the average's own memory. */
  state(): Tensor[] {
    return this.optimizer.blocks.flatMap(({ places }, i) =>
      places.map(place => tensorOver(place, this.#averages[i]!, this.#device)),
    );
  }

  /** Gives its memory back. */
  dispose(): void {
    for (const storage of this.#averages) storage.release();
    this.#device.pool.release(this.#progress.buffer);
  }

  #swap(): void {
    this.optimizer.blocks.forEach(({ memory }, i) => {
      swapAverage(this.#device, memory.parameter, this.#averages[i]!.slice);
    });
  }
}
