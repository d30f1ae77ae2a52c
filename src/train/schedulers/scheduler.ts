import { UserError } from '../../util/errors.js';

/** What a scheduler moves: an optimiser's groups. */
export interface ScheduledGroup {
  lr: number;
  momentum: number;
}

/** What a scheduler remembers between two steps, as JSON has it; null where there is nothing yet. */
export type SchedulerState = Readonly<Record<string, number | null>>;

/**
 * Moves the learning rates of parameter groups. Names, arguments and results are those of torch.optim.lr_scheduler; whether
 * `step` is called after an epoch or after every update gives its counts their unit. A scheduler is made when the groups
 * have the rates that it begins with; the groups keep their present rates themselves, so `state` does not hold them.
 */
export interface Scheduler {
  /** `metric` is what ReduceLROnPlateau watches; the others take none. */
  step(metric?: number): void;
  state(): SchedulerState;
  restore(state: SchedulerState): void;
}

/** A scheduler whose rates follow from the number of its steps alone: all but ReduceLROnPlateau. */
export abstract class TimedScheduler implements Scheduler {
  /** torch's last_epoch. */
  #steps = 0;

  constructor(protected readonly groups: readonly ScheduledGroup[]) {}

  /** Puts the groups to what they are after `t` steps. */
  protected abstract moveTo(t: number): void;

  step(): void {
    this.moveTo(this.#steps + 1);
    this.#steps++;
  }

  state(): SchedulerState {
    return { steps: this.#steps };
  }

  restore(state: SchedulerState): void {
    this.#steps = numberOf(state, 'steps');
  }
}

/** @throws UserError where `state` is not that of this kind of scheduler */
export function numberOf(state: SchedulerState, name: string): number {
  const value = state[name];
  if (typeof value === 'number') return value;
  throw new UserError(`the saved state of the scheduler has no ${name}: it is that of another scheduler`);
}
