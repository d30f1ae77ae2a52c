import {
  DIRECTION,
  encodeDistribution,
  OPERATION,
  TRIAL_STATES,
  type Choice,
  type Direction,
  type Operation,
  type TrialState,
} from '../../interop/optuna-journal.js';
import { parametersOf, type JournalReplay, type JournalStudy, type JournalTrial } from '../../interop/optuna-replay.js';
import { UserError } from '../../util/errors.js';
import { directionOf, requireSameSubject, searchSpace, type StudyDefinition, type StudySubject } from './definition.js';
import { internalValue } from './distributions.js';
import type { JournalFile } from './journal-file.js';
import { decide } from './pruners.js';
import { gridSize, sampleTrial, type Sample, type SamplingContext } from './samplers.js';
import { workerState } from './worker.js';

/** Under which the journal keeps what is facegrad's own. */
const SUBJECT_KEY = 'facegrad:subject';
const DATA_KEY = 'facegrad:data';
/** The trial's run folder, seen from the journal's. */
const RUN_KEY = 'run';
const ERROR_KEY = 'error';
/** Optuna's, for the values of a trial that somebody queued (`study.enqueue_trial`). */
const FIXED_KEY = 'fixed_params';

/** A study in a journal, which several processes may work on: each question is asked and answered under the journal's lock. */
export class Study {
  private constructor(
    readonly journal: JournalFile,
    readonly definition: StudyDefinition,
    private readonly worker: string,
    /** Whether this call created it. */
    readonly isNew: boolean,
  ) {}

  /**
   * The study that the definition names; it is created where the journal has none.
   * @throws {UserError} where the journal's has another subject
   */
  static async open(journal: JournalFile, definition: StudyDefinition, worker: string): Promise<Study> {
    const { name, recipe, set, metric, space, grid } = definition;
    const subject: StudySubject = { recipe, set, metric, space, grid };
    const isNew = await journal.transact(replay => {
      const study = replay.study(name);
      if (study) {
        const stored = subjectOf(study);
        if (stored) requireSameSubject(name, stored, subject);
        else requireDirection(study, directionOf(metric));
        return { append: [], result: false };
      }
      const id = replay.nextStudyId;
      const directions = [DIRECTION[directionOf(metric)]];
      return {
        append: [
          { op_code: OPERATION.createStudy, study_name: name, directions },
          { op_code: OPERATION.setStudySystemAttr, study_id: id, system_attr: { [SUBJECT_KEY]: subject } },
        ],
        result: true,
      };
    });
    return new Study(journal, definition, worker, isNew);
  }

  /** As of the last question or `journal.sync()`. */
  get state(): JournalStudy {
    return this.#of(this.journal.replay);
  }

  get trials(): readonly JournalTrial[] {
    return this.state.trials;
  }

  get direction(): Direction {
    return directionOf(this.definition.metric);
  }

  /** Trials in all. */
  get total(): number {
    const { trials, grid } = this.definition;
    return trials ?? gridSize(searchSpace(this.definition), new Map(Object.entries(grid)));
  }

  /**
   * The trial that this worker is to run next: one whose worker has died, one that waits, or a new one. Undefined where all
   * have been begun and none is left alone.
   * @param folderOf where a new trial's run goes, by its number, seen from the journal's folder
   * @param takeOver whether trials whose worker cannot be seen, on another machine, count as left alone too
   */
  async ask(
    folderOf: (number: number) => string,
    { takeOver = false } = {},
  ): Promise<{ trial: JournalTrial; resumed: boolean } | undefined> {
    const asked = await this.journal.transact<{ number: number; resumed: boolean } | undefined>(replay => {
      const { id: studyId, trials } = this.#of(replay);
      const left = trials.find(trial => trial.state === 'running' && this.#isLeft(trial, takeOver));
      const waiting = left ?? trials.find(({ state }) => state === 'waiting');
      if (waiting) {
        const { id, number, started } = waiting;
        // Optuna has a running trial wait before another worker has it.
        const release = left ? [this.#state(id, 'waiting')] : [];
        const claim = this.#state(id, 'running', { datetime_start: started ?? now() });
        const append = [...release, claim, ...this.#complete(waiting, trials, folderOf(number))];
        return { append, result: { number, resumed: true } };
      }
      const number = trials.length;
      const sample =
        number < this.total ? sampleTrial(this.definition.sampler, this.#context(trials, number)) : undefined;
      if (!sample) return { append: [], result: undefined };
      const id = replay.nextTrialId;
      const append = [
        { op_code: OPERATION.createTrial, study_id: studyId, datetime_start: now() },
        ...this.#parameters(id, sample),
        this.#userAttr(id, RUN_KEY, folderOf(number)),
      ];
      return { append, result: { number, resumed: false } };
    });
    return asked && { trial: this.trials[asked.number]!, resumed: asked.resumed };
  }

  /** Takes in what a trial has reached after an epoch; true where it is pruned by that, and so has ended. */
  async report({ number }: JournalTrial, step: number, value: number): Promise<boolean> {
    return this.journal.transact(replay => {
      const { trials } = this.#of(replay);
      const trial = this.#own(trials, number);
      if (trial.state === 'pruned') return { append: [], result: true };
      // Epochs since the last checkpoint come again when a run is resumed.
      if (trial.intermediate.has(step)) return { append: [], result: false };
      const after = { ...trial, intermediate: new Map(trial.intermediate).set(step, value) };
      const { prune, systemAttrs } = decide(this.definition.pruner, this.direction, after, trials);
      const { id } = trial;
      const append = [
        { op_code: OPERATION.setTrialIntermediateValue, trial_id: id, step, intermediate_value: value },
        ...Array.from(systemAttrs, ([key, attr]) => ({
          ...{ op_code: OPERATION.setTrialSystemAttr, trial_id: id, system_attr: { [key]: attr } },
        })),
        ...(prune ? [this.#state(id, 'pruned', { values: [value], datetime_complete: now() })] : []),
      ];
      return { append, result: prune };
    });
  }

  async complete({ number }: JournalTrial, value: number): Promise<void> {
    await this.#end(number, id => [this.#state(id, 'complete', { values: [value], datetime_complete: now() })]);
  }

  async fail({ number }: JournalTrial, reason: string): Promise<void> {
    await this.#end(number, id => [
      this.#userAttr(id, ERROR_KEY, reason),
      this.#state(id, 'fail', { datetime_complete: now() }),
    ]);
  }

  /** Leaves a trial for whoever comes next. */
  async release({ number }: JournalTrial): Promise<void> {
    await this.#end(number, id => [this.#state(id, 'waiting')]);
  }

  /**
   * Refuses other data than the study was begun on.
   * @throws {UserError}
   */
  async requireData(name: string, fingerprint: string): Promise<void> {
    await this.journal.transact(replay => {
      const { id, systemAttrs, name: study } = this.#of(replay);
      const stored = systemAttrs.get(DATA_KEY) as { name: string; fingerprint: string } | undefined;
      if (stored && stored.fingerprint !== fingerprint) {
        throw new UserError(
          `study ${study} was begun on other data: ${stored.name}, fingerprint ${stored.fingerprint}; these have ` +
            `${fingerprint}. Give the same --data, or begin another study with another --out`,
        );
      }
      const attr = { system_attr: { [DATA_KEY]: { name, fingerprint } } };
      const append = stored ? [] : [{ op_code: OPERATION.setStudySystemAttr, study_id: id, ...attr }];
      return { append, result: undefined };
    });
  }

  #of(replay: JournalReplay): JournalStudy {
    const study = replay.study(this.definition.name);
    if (!study) throw new UserError(`study ${this.definition.name} has been deleted from ${this.journal.path}`);
    return study;
  }

  #isLeft({ worker }: JournalTrial, takeOver: boolean): boolean {
    if (worker === this.worker) return false;
    const state = workerState(worker, this.journal);
    return state === 'dead' || (takeOver && state === 'unknown');
  }

  #own(trials: readonly JournalTrial[], number: number): JournalTrial {
    const trial = trials[number]!;
    if (trial.worker === this.worker && (trial.state === 'running' || trial.state === 'pruned')) return trial;
    throw new UserError(`trial ${number} is no longer this worker's: it is ${trial.state}, of ${trial.worker}`);
  }

  async #end(number: number, operations: (id: number) => Operation[]): Promise<void> {
    await this.journal.transact(replay => {
      const trial = this.#own(this.#of(replay).trials, number);
      return { append: trial.state === 'pruned' ? [] : operations(trial.id), result: undefined };
    });
  }

  #context(trials: readonly JournalTrial[], number: number): SamplingContext {
    const grid = new Map(Object.entries(this.definition.grid));
    return { space: searchSpace(this.definition), grid, direction: this.direction, trials, number };
  }

  /** What a trial lacks that was queued from outside: values that nobody gave it, a folder. */
  #complete(trial: JournalTrial, trials: readonly JournalTrial[], folder: string): Operation[] {
    const { id, number, internal } = trial;
    const space = searchSpace(this.definition);
    const folderAttr = trial.userAttrs.has(RUN_KEY) ? [] : [this.#userAttr(id, RUN_KEY, folder)];
    const missing = [...space.keys()].filter(name => !internal.has(name));
    if (missing.length === 0) return folderAttr;
    const fixed = new Map(Object.entries((trial.systemAttrs.get(FIXED_KEY) ?? {}) as Record<string, Choice>));
    const others = trials.filter(other => other !== trial);
    const drawn = sampleTrial(this.definition.sampler, this.#context(others, number));
    const values = missing.flatMap((name): [string, number][] => {
      const given = fixed.get(name);
      const value = (given === undefined ? undefined : internalValue(space.get(name)!, given)) ?? drawn?.get(name);
      return value === undefined ? [] : [[name, value]];
    });
    return [...this.#parameters(id, new Map(values)), ...folderAttr];
  }

  #parameters(trialId: number, sample: Sample): Operation[] {
    const space = searchSpace(this.definition);
    return Array.from(sample, ([name, value]) => ({
      ...{ op_code: OPERATION.setTrialParam, trial_id: trialId, param_name: name, param_value_internal: value },
      distribution: encodeDistribution(space.get(name)!),
    }));
  }

  #userAttr(trialId: number, key: string, value: string): Operation {
    return { op_code: OPERATION.setTrialUserAttr, trial_id: trialId, user_attr: { [key]: value } };
  }

  #state(trialId: number, state: TrialState, more: object = {}): Operation {
    const number = TRIAL_STATES.indexOf(state);
    return { op_code: OPERATION.setTrialStateValues, trial_id: trialId, state: number, values: null, ...more };
  }
}

/** What the study's trials are made of; undefined for a study that another program began. */
export function subjectOf({ systemAttrs }: JournalStudy): StudySubject | undefined {
  return systemAttrs.get(SUBJECT_KEY) as StudySubject | undefined;
}

/** The folder of a trial's run, seen from the journal's folder. */
export function runFolderOf({ userAttrs }: JournalTrial): string | undefined {
  return userAttrs.get(RUN_KEY) as string | undefined;
}

export function errorOf({ userAttrs }: JournalTrial): string | undefined {
  return userAttrs.get(ERROR_KEY) as string | undefined;
}

/** The best complete trial. */
export function bestTrial({ trials, directions }: JournalStudy): JournalTrial | undefined {
  const sign = directions[0] === 'maximize' ? -1 : 1;
  return trials
    .filter(({ state, value }) => state === 'complete' && value !== undefined)
    .reduce<JournalTrial | undefined>(
      (best, trial) => (best && sign * best.value! <= sign * trial.value! ? best : trial),
      undefined,
    );
}

/** The values of a trial that the study draws. */
export function valuesOf(trial: JournalTrial): Map<string, Choice> {
  return parametersOf(trial);
}

function requireDirection({ name, directions }: JournalStudy, direction: Direction): void {
  if (directions.length === 1 && directions[0] === direction) return;
  throw new UserError(`study ${name} in the journal is to ${directions.join(', ')}, this one to ${direction}`);
}

/** Local time with microseconds and no zone, as all versions of Optuna read it. */
function now(date = new Date()): string {
  const local = new Date(date.getTime() - 60_000 * date.getTimezoneOffset());
  return `${local.toISOString().slice(0, -1)}000`;
}
