import * as z from 'zod';
import { checkFields, parseFields } from './fields.js';
import type { Watched } from './schedulers/index.js';

export interface EarlyStoppingOptions {
  /** Epochs without an improvement after which training stops. */
  readonly patience: number;
  /** An improvement is better than the best so far by more than this. */
  readonly minDelta: number;
  readonly metric: Watched;
}

/** What early stopping remembers between epochs, as JSON has it. */
export interface EarlyStoppingState {
  readonly best: number | null;
  readonly bad: number;
}

/** Stops a run whose validation no longer improves. */
export class EarlyStopping {
  #best: number | undefined;
  /** Epochs since the best. */
  #bad = 0;

  constructor(readonly options: EarlyStoppingOptions) {}

  /** Whether training is to stop. */
  get stopped(): boolean {
    return this.#bad >= this.options.patience;
  }

  /** Takes in an epoch's validation. */
  epochDone(value: number): void {
    const { minDelta, metric } = this.options;
    const gain = metric === 'loss' ? (this.#best ?? Infinity) - value : value - (this.#best ?? -Infinity);
    if (gain > minDelta) {
      this.#best = value;
      this.#bad = 0;
    } else {
      this.#bad++;
    }
  }

  state(): EarlyStoppingState {
    return { best: this.#best ?? null, bad: this.#bad };
  }

  restore({ best, bad }: EarlyStoppingState): void {
    this.#best = best ?? undefined;
    this.#bad = bad;
  }
}

const schema = z.strictObject({
  patience: z.int().positive(),
  min_delta: z.number().nonnegative().default(0),
  metric: z.enum(['loss', 'accuracy']).default('loss'),
});

/**
 * Reads `--early-stop`: a number of epochs, or `patience=` with `min_delta` and `metric`.
 * @throws UserError
 */
export function parseEarlyStopping(text: string): EarlyStoppingOptions {
  const what = `--early-stop ${text}`;
  const fields = checkFields(schema, parseFields(/^\d+$/.test(text) ? `patience=${text}` : text, what), what);
  return { patience: fields.patience, minDelta: fields.min_delta, metric: fields.metric };
}
