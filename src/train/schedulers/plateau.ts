import { UserError } from '../../util/errors.js';
import { numberOf, type ScheduledGroup, type Scheduler, type SchedulerState } from './scheduler.js';

/** Options of `ReduceLROnPlateau`, those of torch.optim.lr_scheduler.ReduceLROnPlateau. */
export interface PlateauOptions {
  /** Whether the metric is to fall or to rise. */
  readonly mode?: 'min' | 'max';
  /** What the rate is multiplied by. */
  readonly factor?: number;
  /** Steps without an improvement that are borne; the next one lowers the rate. */
  readonly patience?: number;
  /** An improvement is better than the best so far by more than this share of it (rel) or this much (abs). */
  readonly threshold?: number;
  readonly thresholdMode?: 'rel' | 'abs';
  /** Steps after a lowering in which nothing is counted. */
  readonly cooldown?: number;
  /** Lowest rate, of all groups or of each. */
  readonly minLr?: number | readonly number[];
  /** A lowering by no more than this is left out. */
  readonly eps?: number;
}

/** Lowers the rates when a metric has stopped improving, as torch.optim.lr_scheduler.ReduceLROnPlateau. */
export class ReduceLROnPlateau implements Scheduler {
  #best: number | undefined;
  #bad = 0;
  #cooldown = 0;
  readonly #minLr: readonly number[];

  constructor(
    private readonly groups: readonly ScheduledGroup[],
    private readonly options: PlateauOptions = {},
  ) {
    const { factor = 0.1, minLr = 0 } = options;
    if (!(factor < 1)) throw new UserError(`plateau multiplies rates by a factor below 1, not ${factor}`);
    this.#minLr = typeof minLr === 'number' ? groups.map(() => minLr) : minLr;
    if (this.#minLr.length !== groups.length) {
      throw new UserError(`plateau has ${this.#minLr.length} lowest rates for ${groups.length} parameter groups`);
    }
  }

  step(metric?: number): void {
    if (metric === undefined) throw new Error('ReduceLROnPlateau.step takes the metric that it watches');
    const { patience = 10, cooldown = 0 } = this.options;
    if (this.#improves(metric)) {
      this.#best = metric;
      this.#bad = 0;
    } else {
      this.#bad++;
    }
    if (this.#cooldown > 0) {
      this.#cooldown--;
      this.#bad = 0;
    }
    if (this.#bad > patience) {
      this.#reduce();
      this.#cooldown = cooldown;
      this.#bad = 0;
    }
  }

  /** What a checkpoint keeps of it. */
  state(): SchedulerState {
    return { best: this.#best ?? null, bad: this.#bad, cooldown: this.#cooldown };
  }

  /**
   * Goes on from what `state` gave.
   * @throws UserError where a number is missing
   */
  restore(state: SchedulerState): void {
    this.#bad = numberOf(state, 'bad');
    this.#cooldown = numberOf(state, 'cooldown');
    this.#best = state.best ?? undefined;
  }

  #improves(metric: number): boolean {
    const { mode = 'min', threshold = 1e-4, thresholdMode = 'rel' } = this.options;
    // NaN is no improvement, not even the first.
    if (this.#best === undefined) return mode === 'min' ? metric < Infinity : metric > -Infinity;
    if (thresholdMode === 'abs') {
      return mode === 'min' ? metric < this.#best - threshold : metric > this.#best + threshold;
    }
    return mode === 'min' ? metric < this.#best * (1 - threshold) : metric > this.#best * (1 + threshold);
  }

  #reduce(): void {
    const { factor = 0.1, eps = 1e-8 } = this.options;
    this.groups.forEach((group, i) => {
      const lr = Math.max(group.lr * factor, this.#minLr[i]!);
      if (group.lr - lr > eps) group.lr = lr;
    });
  }
}
