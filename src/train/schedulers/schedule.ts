import { numberOf, type ScheduledGroup, type Scheduler, type SchedulerState } from './scheduler.js';

/** When a scheduler takes a step: after every epoch, or after every update of the parameters. */
export type Per = 'epoch' | 'step';

/** The rates rise linearly from `startFactor` of the first ones to these in `length` epochs or steps. */
export interface WarmupOptions {
  readonly length: number;
  readonly startFactor: number;
  readonly per: Per;
}

/**
 * What happens to the learning rates in a run: a linear warm-up, a scheduler, both or neither. A warm-up before a scheduler
 * is torch's SequentialLR of LinearLR and the scheduler: the scheduler stands at its beginning until the warm-up is over.
 * Where the warm-up ends inside an epoch, what is left of that epoch is the scheduler's first.
 */
export class Schedule {
  /** The rates that the warm-up ends with. */
  readonly #first: readonly number[];
  /** Steps of the warm-up so far. */
  #warm = 0;
  /** Updates since the warm-up ended. */
  #since = 0;

  constructor(
    private readonly groups: readonly ScheduledGroup[],
    private readonly main: { readonly scheduler: Scheduler; readonly per: Per } | undefined,
    private readonly warmup?: WarmupOptions,
  ) {
    this.#first = groups.map(({ lr }) => lr);
    if (warmup) this.#applyWarmup(warmup);
  }

  /** An update of the parameters is done. */
  stepDone(): void {
    if (!this.#warmed('step')) return;
    this.#since++;
    if (this.main?.per === 'step') this.main.scheduler.step();
  }

  /** An epoch is done; `metric` is what the scheduler watches. */
  epochDone(metric: number): void {
    if (!this.#warmed('epoch') || this.#since === 0) return;
    if (this.main?.per === 'epoch') this.main.scheduler.step(metric);
  }

  /** What a checkpoint keeps of it. */
  state(): SchedulerState {
    return { warm: this.#warm, since: this.#since, ...this.main?.scheduler.state() };
  }

  /** Goes on from what `state` gave. */
  restore(state: SchedulerState): void {
    this.#warm = numberOf(state, 'warm');
    this.#since = numberOf(state, 'since');
    this.main?.scheduler.restore(state);
  }

  /** Whether the warm-up was over before this; counts it as a step of the warm-up where it is one. */
  #warmed(unit: Per): boolean {
    const { warmup } = this;
    if (!warmup || this.#warm >= warmup.length) return true;
    if (warmup.per === unit) {
      this.#warm++;
      this.#applyWarmup(warmup);
    }
    return false;
  }

  #applyWarmup({ length, startFactor }: WarmupOptions): void {
    const factor = startFactor + ((1 - startFactor) * this.#warm) / length;
    this.groups.forEach((group, i) => {
      group.lr = this.#first[i]! * factor;
    });
  }
}
