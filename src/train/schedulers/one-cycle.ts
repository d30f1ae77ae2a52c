import { UserError } from '../../util/errors.js';
import { TimedScheduler, type ScheduledGroup } from './scheduler.js';

/** Options of `OneCycleLR`, those of torch.optim.lr_scheduler.OneCycleLR. */
export interface OneCycleOptions {
  /** Highest rate, of all groups or of each. */
  readonly maxLr: number | readonly number[];
  /** Steps of the cycle; it cannot be stepped further than that. */
  readonly totalSteps: number;
  /** Share of the steps in which the rate rises. */
  readonly pctStart?: number;
  readonly annealStrategy?: 'cos' | 'linear';
  /** The momentum (Adam: β1) falls while the rate rises, and the other way round. */
  readonly cycleMomentum?: boolean;
  readonly baseMomentum?: number;
  readonly maxMomentum?: number;
  /** The cycle begins at maxLr / divFactor ... */
  readonly divFactor?: number;
  /** ... and ends at that / finalDivFactor. */
  readonly finalDivFactor?: number;
  /** Fall to where the cycle began first, then to the end, instead of at one go. */
  readonly threePhase?: boolean;
}

/** Where a phase of the cycle ends, and from what to what rate (as 'low', 'high', 'end') and momentum it goes. */
interface Phase {
  readonly end: number;
  readonly lr: readonly [Level, Level];
  readonly momentum: readonly [Level, Level];
}

type Level = 'low' | 'high' | 'end';

/** The one-cycle policy (Smith and Topin, "Super-Convergence", 2018), as torch.optim.lr_scheduler.OneCycleLR. */
export class OneCycleLR extends TimedScheduler {
  readonly #maxLr: readonly number[];
  readonly #phases: readonly Phase[];

  constructor(
    groups: readonly ScheduledGroup[],
    private readonly options: OneCycleOptions,
  ) {
    super(groups);
    const { maxLr, totalSteps, pctStart = 0.3, cycleMomentum = true, threePhase = false } = options;
    this.#maxLr = typeof maxLr === 'number' ? groups.map(() => maxLr) : maxLr;
    if (this.#maxLr.length !== groups.length) {
      throw new UserError(`one-cycle has ${this.#maxLr.length} highest rates for ${groups.length} parameter groups`);
    }
    if (cycleMomentum && groups.some(({ momentum }) => momentum === 0)) {
      throw new UserError('one-cycle moves the momentum, which is 0; give one above 0, or leave the momentum alone');
    }
    const rise: Phase = { end: pctStart * totalSteps - 1, lr: ['low', 'high'], momentum: ['high', 'low'] };
    this.#phases = threePhase
      ? [
          rise,
          { end: 2 * pctStart * totalSteps - 2, lr: ['high', 'low'], momentum: ['low', 'high'] },
          { end: totalSteps - 1, lr: ['low', 'end'], momentum: ['high', 'high'] },
        ]
      : [rise, { end: totalSteps - 1, lr: ['high', 'end'], momentum: ['low', 'high'] }];
    this.moveTo(0);
  }

  protected moveTo(t: number): void {
    const { totalSteps, divFactor = 25, finalDivFactor = 1e4, annealStrategy = 'cos' } = this.options;
    const { cycleMomentum = true, baseMomentum = 0.85, maxMomentum = 0.95 } = this.options;
    if (t > totalSteps) throw new UserError(`one-cycle ends after ${totalSteps} steps; it cannot be stepped further`);
    const i = this.#phases.findIndex(({ end }, i) => t <= end || i === this.#phases.length - 1);
    const phase = this.#phases[i]!;
    const start = this.#phases[i - 1]?.end ?? 0;
    const share = (t - start) / (phase.end - start);
    const between = ([from, to]: readonly [number, number]) =>
      annealStrategy === 'linear'
        ? from + (to - from) * share
        : to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
    this.groups.forEach((group, g) => {
      const high = this.#maxLr[g]!;
      const low = high / divFactor;
      const lr: Record<Level, number> = { low, high, end: low / finalDivFactor };
      group.lr = between([lr[phase.lr[0]], lr[phase.lr[1]]]);
      if (!cycleMomentum) return;
      const momentum: Record<Level, number> = { low: baseMomentum, high: maxMomentum, end: maxMomentum };
      group.momentum = between([momentum[phase.momentum[0]], momentum[phase.momentum[1]]]);
    });
  }
}
