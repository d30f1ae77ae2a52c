/** Studies and trials as the lines of an Optuna journal make them, by the rules of Optuna's own replay. */
import {
  decodeDistribution,
  DIRECTION,
  OPERATION,
  TRIAL_STATES,
  type Choice,
  type Direction,
  type Distribution,
  type JournalLog,
  type TrialState,
} from './optuna-journal.js';

export interface JournalStudy {
  /** Its place in the journal, from 0. */
  readonly id: number;
  readonly name: string;
  readonly directions: readonly Direction[];
  readonly userAttrs: Map<string, unknown>;
  readonly systemAttrs: Map<string, unknown>;
  /** By number. */
  readonly trials: JournalTrial[];
}

export interface JournalTrial {
  /** Its place among all trials of the journal, from 0. */
  readonly id: number;
  /** Its place among those of its study, from 0. */
  readonly number: number;
  state: TrialState;
  /** By parameter, as the journal has them: a categorical one is the index of its choice. */
  readonly internal: Map<string, number>;
  readonly distributions: Map<string, Distribution>;
  /** What the study looks at; where the trial is complete, and mostly where it was pruned. */
  value: number | undefined;
  /** By step. */
  readonly intermediate: Map<number, number>;
  readonly userAttrs: Map<string, unknown>;
  readonly systemAttrs: Map<string, unknown>;
  /** ISO 8601. */
  started: string | undefined;
  completed: string | undefined;
  /** The worker that runs it, or ran it last. */
  worker: string;
}

const FINISHED: ReadonlySet<TrialState> = new Set<TrialState>(['complete', 'pruned', 'fail']);

export function isFinished({ state }: JournalTrial): boolean {
  return FINISHED.has(state);
}

/** The parameters of a trial, as they are used. */
export function parametersOf({ internal, distributions }: JournalTrial): Map<string, Choice> {
  return new Map(Array.from(internal, ([name, value]) => [name, externalValue(distributions.get(name)!, value)]));
}

/** A value of a journal as it is used: a choice instead of its index. */
export function externalValue({ name, attributes }: Distribution, internal: number): Choice {
  return name === 'CategoricalDistribution' ? (attributes.choices[Math.trunc(internal)] ?? null) : internal;
}

/** Takes in a journal's lines one after the other. Lines with an operation that is not known do nothing. */
export class JournalReplay {
  readonly #studies: (JournalStudy | undefined)[] = [];
  readonly #trials: JournalTrial[] = [];
  readonly #studyOf: number[] = [];

  /** Those that were not deleted. */
  get studies(): JournalStudy[] {
    return this.#studies.filter(study => study !== undefined);
  }

  /** What the next study and the next trial are called in the journal. */
  get nextStudyId(): number {
    return this.#studies.length;
  }

  get nextTrialId(): number {
    return this.#trials.length;
  }

  study(name: string): JournalStudy | undefined {
    return this.studies.find(study => study.name === name);
  }

  apply(log: JournalLog): void {
    switch (log.op_code) {
      case OPERATION.createStudy:
        this.#createStudy(log);
        return;
      case OPERATION.createTrial:
        this.#createTrial(log);
        return;
      case OPERATION.deleteStudy:
        this.#studies[log['study_id'] as number] &&= undefined;
        return;
      case OPERATION.setStudyUserAttr:
        setAll(this.#studies[log['study_id'] as number]?.userAttrs, log['user_attr']);
        return;
      case OPERATION.setStudySystemAttr:
        setAll(this.#studies[log['study_id'] as number]?.systemAttrs, log['system_attr']);
        return;
      default:
        this.#changeTrial(log);
    }
  }

  #createStudy({ study_name: name, directions }: JournalLog): void {
    // Two may have created it at once: the first counts.
    if (this.study(name as string)) return;
    this.#studies.push({
      ...{ id: this.#studies.length, name: name as string, trials: [] },
      directions: (directions as number[]).map(d => (d === DIRECTION.maximize ? 'maximize' : 'minimize')),
      ...{ userAttrs: new Map(), systemAttrs: new Map() },
    });
  }

  /** A trial may come with all it has: one that was queued, or copied from another study. */
  #createTrial(log: JournalLog): void {
    const study = this.#studies[log['study_id'] as number];
    if (!study) return;
    const distributions = Object.entries((log['distributions'] ?? {}) as Record<string, string>);
    const intermediate = Object.entries((log['intermediate_values'] ?? {}) as Record<string, number>);
    const trial: JournalTrial = {
      id: this.#trials.length,
      number: study.trials.length,
      state: TRIAL_STATES[(log['state'] ?? 0) as number]!,
      internal: mapOf<number>(log['params']),
      distributions: new Map(distributions.map(([name, text]) => [name, decodeDistribution(text)])),
      value: (log['value'] ?? (log['values'] as number[] | null | undefined)?.[0]) as number | undefined,
      intermediate: new Map(intermediate.map(([step, value]) => [Number(step), value])),
      userAttrs: mapOf(log['user_attrs']),
      systemAttrs: mapOf(log['system_attrs']),
      started: (log['datetime_start'] ?? undefined) as string | undefined,
      completed: log['datetime_complete'] as string | undefined,
      worker: log.worker_id,
    };
    this.#trials.push(trial);
    this.#studyOf.push(study.id);
    study.trials.push(trial);
  }

  #changeTrial(log: JournalLog): void {
    const trial = this.#trials[log['trial_id'] as number];
    // A finished trial never changes.
    if (!trial || isFinished(trial)) return;
    switch (log.op_code) {
      case OPERATION.setTrialParam:
        this.#setParam(trial, log);
        return;
      case OPERATION.setTrialStateValues:
        setState(trial, log);
        return;
      case OPERATION.setTrialIntermediateValue:
        trial.intermediate.set(log['step'] as number, log['intermediate_value'] as number);
        return;
      case OPERATION.setTrialUserAttr:
        setAll(trial.userAttrs, log['user_attr']);
        return;
      case OPERATION.setTrialSystemAttr:
        setAll(trial.systemAttrs, log['system_attr']);
    }
  }

  #setParam(trial: JournalTrial, log: JournalLog): void {
    const name = log['param_name'] as string;
    const distribution = decodeDistribution(log['distribution'] as string);
    const { trials } = this.#studies[this.#studyOf[trial.id]!] ?? { trials: [] };
    const before = trials.find(({ distributions }) => distributions.has(name))?.distributions.get(name);
    if (before && !areCompatible(before, distribution)) return;
    trial.internal.set(name, log['param_value_internal'] as number);
    trial.distributions.set(name, distribution);
  }
}

/** Whether a study may draw one parameter from both, by Optuna's rule: ranges may change, kinds and choices may not. */
export function areCompatible(a: Distribution, b: Distribution): boolean {
  if (a.name === 'CategoricalDistribution' || b.name === 'CategoricalDistribution') {
    return a.name === b.name && JSON.stringify(a.attributes) === JSON.stringify(b.attributes);
  }
  return a.name === b.name && a.attributes.log === b.attributes.log;
}

function setState(trial: JournalTrial, log: JournalLog): void {
  const state = TRIAL_STATES[log['state'] as number]!;
  // Two workers may reach for a trial that waits: the first has it.
  if (state === 'running' && trial.state === 'running') return;
  trial.state = state;
  if (state === 'running') {
    trial.started = log['datetime_start'] as string;
    trial.worker = log.worker_id;
  }
  if (isFinished(trial)) trial.completed = log['datetime_complete'] as string;
  const values = log['values'] as number[] | null | undefined;
  if (values) trial.value = values[0];
}

function mapOf<T>(value: unknown): Map<string, T> {
  return new Map(Object.entries((value ?? {}) as Record<string, T>));
}

function setAll(attributes: Map<string, unknown> | undefined, given: unknown): void {
  for (const [key, value] of mapOf(given)) attributes?.set(key, value);
}
