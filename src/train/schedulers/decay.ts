import { TimedScheduler, type ScheduledGroup } from './scheduler.js';

/** Each group's rate follows from the one that it began with. */
abstract class RateScheduler extends TimedScheduler {
  readonly #base: readonly number[];

  constructor(groups: readonly ScheduledGroup[]) {
    super(groups);
    this.#base = groups.map(({ lr }) => lr);
  }

  /** The rate after `t` steps of a group that began with `base`. */
  protected abstract rate(base: number, t: number): number;

  protected moveTo(t: number): void {
    this.groups.forEach((group, i) => {
      group.lr = this.rate(this.#base[i]!, t);
    });
  }
}

/** lr = base · gammaᵗ. */
export class ExponentialLR extends RateScheduler {
  constructor(
    groups: readonly ScheduledGroup[],
    private readonly options: { readonly gamma: number },
  ) {
    super(groups);
  }

  protected rate(base: number, t: number): number {
    return base * this.options.gamma ** t;
  }
}

/** lr = base · gamma^⌊t / stepSize⌋. */
export class StepLR extends RateScheduler {
  constructor(
    groups: readonly ScheduledGroup[],
    private readonly options: { readonly stepSize: number; readonly gamma?: number },
  ) {
    super(groups);
  }

  protected rate(base: number, t: number): number {
    const { stepSize, gamma = 0.1 } = this.options;
    return base * gamma ** Math.floor(t / stepSize);
  }
}

/** The rate is multiplied by gamma at each milestone; a milestone that is named twice counts twice. */
export class MultiStepLR extends RateScheduler {
  constructor(
    groups: readonly ScheduledGroup[],
    private readonly options: { readonly milestones: readonly number[]; readonly gamma?: number },
  ) {
    super(groups);
  }

  protected rate(base: number, t: number): number {
    const { milestones, gamma = 0.1 } = this.options;
    return base * gamma ** milestones.filter(milestone => milestone <= t).length;
  }
}

/** From `high` at share 0 to `low` at share 1 along half a cosine. */
const cosine = (high: number, low: number, share: number) => low + ((high - low) * (1 + Math.cos(Math.PI * share))) / 2;

/**
 * From the base rate down to etaMin in tMax steps along half a cosine, and up again after that (Loshchilov and Hutter,
 * SGDR, 2017, without restarts).
 */
export class CosineAnnealingLR extends RateScheduler {
  constructor(
    groups: readonly ScheduledGroup[],
    private readonly options: { readonly tMax: number; readonly etaMin?: number },
  ) {
    super(groups);
  }

  protected rate(base: number, t: number): number {
    const { tMax, etaMin = 0 } = this.options;
    return cosine(base, etaMin, t / tMax);
  }
}

/** SGDR: down along half a cosine in t0 steps, then at once up to the base rate; each round tMult times as long. */
export class CosineAnnealingWarmRestarts extends RateScheduler {
  constructor(
    groups: readonly ScheduledGroup[],
    private readonly options: { readonly t0: number; readonly tMult?: number; readonly etaMin?: number },
  ) {
    super(groups);
  }

  protected rate(base: number, t: number): number {
    const { t0, tMult = 1, etaMin = 0 } = this.options;
    let length = t0;
    let within = tMult === 1 ? t % t0 : t;
    while (within >= length) {
      within -= length;
      length *= tMult;
    }
    return cosine(base, etaMin, within / length);
  }
}
