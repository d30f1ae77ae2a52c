import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalTrial } from '../../interop/optuna-replay.js';
import { optionsOfTrial, searchesData } from '../../train/study/definition.js';
import {
  FAILURES_IN_A_ROW,
  requireNoTrials,
  trialFolders,
  type StudyContext,
  type StudyReporter,
} from '../../train/study/run-study.js';
import { bestValue, headOfTrial, valueOf } from '../../train/study/run-trial.js';
import { valuesOf, type Study } from '../../train/study/study.js';
import { RunFolder } from '../../train/run.js';
import type { EpochRow, TrainOptions } from '../../train/types.js';
import { UserError } from '../../util/errors.js';
import type { Enqueuer } from './enqueuer.js';
import { LOST, type Ending } from './followed.js';
import { adoptRun, DataBook, taskOf, type DataIdentity, type Run } from './tasks.js';

/** As for `runStudy`, but that adapters are the workers' affair. */
export interface EnqueueStudyContext extends Omit<StudyContext, 'adapter' | 'backend'> {
  /** Trials' run folders go in here; it lies in the store. */
  readonly out: string;
  /** Aborted: no trial is begun any more, those that no worker has are taken back, and the others go on without this process. */
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks how many workers there are. */
const LOOK_MS = 500;

/**
 * Runs the trials of a study on the workers of a queue, as `runStudy` does on this machine: this process alone draws them, judges
 * them after each epoch and writes the journal. At any time so many are in the queue as workers can have them; trials that an
 * earlier sitting has enqueued are found there, however far they have come.
 */
export async function enqueueStudy(study: Study, enqueuer: Enqueuer, context: EnqueueStudyContext): Promise<void> {
  const { out, signal } = context;
  if (study.isNew) await requireNoTrials(out);
  await new StudyQueue(study, enqueuer, context).run(AbortSignal.any([signal, enqueuer.fault]));
  if (enqueuer.fault.aborted) throw enqueuer.fault.reason;
}

class StudyQueue {
  readonly #folders: ReturnType<typeof trialFolders>;
  readonly #book: DataBook;
  readonly #searchesData: boolean;
  /** Trials under way, each until it has ended. */
  readonly #trials = new Map<number, Promise<void>>();
  #failures = 0;
  /** What ends the sitting: it would befall any other trial too. */
  #hindrance: { readonly error: unknown } | undefined;

  constructor(
    private readonly study: Study,
    private readonly enqueuer: Enqueuer,
    private readonly context: EnqueueStudyContext,
  ) {
    this.#folders = trialFolders(study, context.out);
    this.#book = new DataBook(context.loadData);
    this.#searchesData = searchesData(study.definition);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { takeOver = false } = this.context;
    const aborted = new Promise<void>(resolve => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => {
        resolve();
      });
    });
    const goesOn = () => !signal.aborted && !this.#hindrance;
    while (goesOn()) {
      while (goesOn() && this.#trials.size < Math.max(1, this.enqueuer.able)) {
        const asked = await this.study.ask(this.#folders.folderOf, { takeOver });
        if (!asked) break;
        this.#begin(asked.trial);
      }
      if (this.#trials.size === 0) break;
      // Workers may come meanwhile.
      await Promise.race([...this.#trials.values(), aborted, sleep(LOOK_MS)]);
    }
    await this.enqueuer.withdraw();
    await Promise.all(this.#trials.values());
    if (this.#hindrance) throw this.#hindrance.error;
  }

  #begin(trial: JournalTrial): void {
    const { number } = trial;
    const whole = this.#follow(trial)
      .catch((error: unknown) => {
        this.#hindrance ??= { error };
      })
      .finally(() => {
        this.#trials.delete(number);
      });
    this.#trials.set(number, whole);
  }

  /** From the queue to the journal. */
  async #follow(trial: JournalTrial): Promise<void> {
    const { study, context, enqueuer } = this;
    const { reporter } = context;
    try {
      let run: Run;
      let data: DataIdentity;
      try {
        run = this.#runOf(trial);
        data = await this.#dataOf(run.options);
      } catch (error) {
        // Values that do not go together, or their data, are this trial's alone.
        if (!(error instanceof UserError) || error === this.#hindrance?.error) throw error;
        await this.#fail(trial, error);
        return;
      }
      const task = await taskOf(run, data, enqueuer.store, context.version, { test: false, evaluate: false });
      // Epochs of an earlier sitting are judged before the job is here.
      const judging = new Judging(study, trial, reporter, async () => (await submitted).stop());
      const submitted = enqueuer.submit(
        basename(run.path),
        task,
        {
          started: (worker, resumed) => {
            reporter.trialStarted(trial, resumed, run.options.epochs, enqueuer.nameOf(worker));
          },
          rows: rows => {
            judging.judge(rows);
          },
          returned: (why = LOST) => {
            reporter.note(`trial ${trial.number} is back in the queue: ${why}`);
          },
        },
        () => RunFolder.isBegun(run.path),
      );
      const job = await submitted;
      const ending = await job.ended;
      await this.#writeDown(trial, run, ending, judging);
      if (ending.outcome !== 'left' && ending.outcome !== 'withdrawn') {
        await enqueuer.forget(basename(run.path), job);
      }
    } catch (error) {
      await study.release(trial).catch(() => undefined);
      throw error;
    } finally {
      reporter.trialEnded(study.trials[trial.number] ?? trial);
    }
  }

  async #writeDown(trial: JournalTrial, run: Run, ending: Ending, judging: Judging): Promise<void> {
    const { study } = this;
    if (ending.outcome === 'complete') judging.judge(ending.rows);
    const pruned = await judging.end();
    if (pruned) {
      await adoptRun(run, false);
    } else if (ending.outcome === 'complete') {
      await adoptRun(run, true);
      await study.complete(trial, bestValue(study.definition.metric, ending.rows));
      this.#failures = 0;
    } else if (ending.outcome === 'failed') {
      await this.#fail(trial, ending.usage ? new UserError(ending.error) : new Error(ending.error));
    } else {
      // Interrupted, or stopped for a study that is no longer there to say so.
      await study.release(trial);
    }
  }

  /** As `runStudy`: a study whose trials fail one after the other will not get better. */
  async #fail(trial: JournalTrial, error: Error): Promise<void> {
    await this.study.fail(trial, error.message);
    if (++this.#failures === FAILURES_IN_A_ROW) this.#hindrance ??= { error };
  }

  #runOf(trial: JournalTrial): Run {
    const { study, context } = this;
    return {
      title: `trial ${trial.number} of ${study.definition.name}`,
      path: this.#folders.pathOf(trial),
      options: optionsOfTrial(study.definition, valuesOf(trial), context.data),
      head: headOfTrial(study, trial),
    };
  }

  async #dataOf(options: TrainOptions): Promise<DataIdentity> {
    try {
      const identities = await this.#book.of(options);
      if (!this.#searchesData) await this.study.requireData(identities.own.title, identities.own.fingerprint);
      return identities.whole;
    } catch (error) {
      // Where it is not searched which images there are, all trials have the same.
      if (!this.#searchesData) this.#hindrance ??= { error };
      throw error;
    }
  }
}

/** Tells the study of a trial's epochs, each once and in order, and has the trial stop where the study prunes it. */
class Judging {
  #told = 0;
  #pruned: Promise<boolean> = Promise.resolve(false);

  constructor(
    private readonly study: Study,
    private readonly trial: JournalTrial,
    private readonly reporter: StudyReporter,
    private readonly stop: () => Promise<void>,
  ) {}

  /** `rows`: all epochs so far. */
  judge(rows: readonly EpochRow[]): void {
    const fresh = rows.slice(this.#told);
    this.#told = Math.max(this.#told, rows.length);
    for (const row of fresh) this.#pruned = this.#pruned.then(pruned => pruned || this.#judge(row));
    // What goes wrong is thrown by `end`.
    this.#pruned.catch(() => undefined);
  }

  /** Whether the trial was pruned. */
  async end(): Promise<boolean> {
    return this.#pruned;
  }

  async #judge(row: EpochRow): Promise<boolean> {
    this.reporter.epoch(this.trial, row);
    const { metric } = this.study.definition;
    if (!(await this.study.report(this.trial, row.epoch, valueOf(metric, row)))) return false;
    await this.stop();
    return true;
  }
}
