import type { JobEnd, JobName, WorkerReporter } from '../../queue/index.js';
import type { EpochRow } from '../../train/types.js';
import { loss, percent } from './format.js';

const ENDS: Readonly<Record<JobEnd, string>> = {
  complete: 'done',
  stopped: 'stopped, as it was told to',
  failed: 'failed',
  'given-back': 'given back',
  lost: 'lost',
};

/** What a worker does, a line at a time on standard output. */
export class WorkerPlainReporter implements WorkerReporter {
  ready({ adapter, store, queue }: Parameters<WorkerReporter['ready']>[0]): void {
    this.#print(`worker ${process.pid} on ${adapter}; queue ${queue}, store ${store}`);
  }

  started({ title, run }: JobName, resumed: boolean): void {
    this.#print(`${title}: ${resumed ? 'goes on' : 'begins'} in ${run}`);
  }

  epoch({ title }: JobName, row: EpochRow, epochs: number): void {
    this.#print(
      `${title}: epoch ${row.epoch}/${epochs}, validation loss ${loss(row.valLoss)}, accuracy ${percent(row.valAccuracy)}`,
    );
  }

  ended({ title }: JobName, end: JobEnd, why?: string): void {
    this.#print(`${title}: ${ENDS[end]}${why === undefined ? '' : `: ${why}`}`);
  }

  refused(data: string, reason: string): void {
    this.note(`jobs on ${data} are left alone: ${reason}`);
  }

  note(text: string): void {
    console.error(text);
  }

  #print(text: string): void {
    console.log(text);
  }
}

/** The same as lines of JSON. */
export class WorkerJsonReporter implements WorkerReporter {
  ready(worker: Parameters<WorkerReporter['ready']>[0]): void {
    this.#write('ready', { pid: process.pid, ...worker });
  }

  started({ id, title, run }: JobName, resumed: boolean): void {
    this.#write('job-start', { job: id, title, run, resumed });
  }

  epoch({ id }: JobName, row: EpochRow, epochs: number): void {
    this.#write('epoch', { job: id, epochs, ...row });
  }

  ended({ id, title }: JobName, end: JobEnd, why?: string): void {
    this.#write('job-end', { job: id, title, how: end, ...(why === undefined ? {} : { why }) });
  }

  refused(data: string, reason: string): void {
    this.#write('refused', { data, reason });
  }

  note(text: string): void {
    console.error(text);
  }

  #write(event: string, content: object): void {
    console.log(JSON.stringify({ event, ...content }));
  }
}
