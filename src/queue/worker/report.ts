import type { EpochRow } from '../../train/types.js';

/** A job as people know it. */
export interface JobName {
  readonly id: string;
  readonly title: string;
  /** The run's folder. */
  readonly run: string;
}

/** How a worker's part in a job has ended. */
export type JobEnd = 'complete' | 'stopped' | 'failed' | 'given-back' | 'lost';

/** Told by a worker what happens; the worker itself prints nothing. */
export interface WorkerReporter {
  ready(worker: {
    readonly id: string;
    readonly adapter: string;
    readonly store: string;
    readonly queue: string;
  }): void;
  started(job: JobName, resumed: boolean): void;
  epoch(job: JobName, row: EpochRow, epochs: number): void;
  ended(job: JobName, end: JobEnd, why?: string): void;
  /** It leaves jobs alone, which have this title. */
  refused(data: string, reason: string): void;
  note(text: string): void;
}
