import type {
  CategoricalDistribution,
  Choice,
  FloatDistribution,
  IntDistribution,
  TrialState,
} from '../../../src/interop/optuna-journal.js';
import type { JournalTrial } from '../../../src/interop/optuna-replay.js';

/** Distributions and trials, short to write. */

export function float(
  low: number,
  high: number,
  { log = false, step = null }: { log?: boolean; step?: number | null } = {},
): FloatDistribution {
  return { name: 'FloatDistribution', attributes: { step, low, high, log } };
}

export function int(low: number, high: number, { log = false, step = 1 } = {}): IntDistribution {
  return { name: 'IntDistribution', attributes: { log, step, low, high } };
}

export function categorical(...choices: Choice[]): CategoricalDistribution {
  return { name: 'CategoricalDistribution', attributes: { choices } };
}

/** A complete trial unless it says otherwise. */
export function trialOf({
  number,
  state = 'complete',
  value,
  intermediate = [],
  internal = new Map(),
  distributions = new Map(),
  systemAttrs = {},
}: {
  number: number;
  state?: TrialState;
  value?: number;
  intermediate?: [number, number][];
  internal?: Map<string, number>;
  distributions?: JournalTrial['distributions'];
  systemAttrs?: Record<string, unknown>;
}): JournalTrial {
  return {
    ...{ id: number, number, state, value, internal, distributions },
    intermediate: new Map(intermediate),
    userAttrs: new Map(),
    systemAttrs: new Map(Object.entries(systemAttrs)),
    ...{ started: undefined, completed: undefined, worker: 'w' },
  };
}
