import type { Ending, Run, RunsReporter } from '../../queue/index.js';
import type { EpochRow } from '../../train/types.js';
import { duration, percent, rate } from './format.js';
import type { StatusBlock } from './workers.js';

const ENDINGS: Readonly<Record<Ending['outcome'], string>> = {
  complete: 'done',
  failed: 'failed',
  stopped: 'was stopped',
  withdrawn: 'is taken back out of the queue',
  left: 'goes on at its worker; the same command collects it',
};

/** Runs that workers train: a line for each epoch, on standard error. */
export class QueuedRunsReporter implements RunsReporter {
  constructor(private readonly block: StatusBlock) {}

  runStarted({ title }: Run, worker: string, resumed: boolean): void {
    this.note(`${title}: ${resumed ? 'goes on at' : 'begins at'} ${worker}`);
  }

  epoch({ title, options }: Run, row: EpochRow): void {
    this.note(
      `${title}: epoch ${row.epoch}/${options.epochs}, validation accuracy ${percent(row.valAccuracy)}, ` +
        `${rate(row.imagesPerSecond)} images/s, ${duration(row.seconds)}`,
    );
  }

  runEnded({ title }: Run, how: Ending['outcome'], error?: string): void {
    this.note(`${title}: ${ENDINGS[how]}${error === undefined ? '' : `: ${error}`}`);
  }

  note(text: string): void {
    this.block.clear();
    console.error(text);
  }
}

/** The same as lines of JSON on standard output. */
export class QueuedRunsJson implements RunsReporter {
  runStarted({ title, path }: Run, worker: string, resumed: boolean): void {
    this.#write('run-start', { run: path, title, worker, resumed });
  }

  epoch({ path }: Run, row: EpochRow): void {
    this.#write('epoch', { run: path, ...row });
  }

  runEnded({ path }: Run, how: Ending['outcome'], error?: string): void {
    this.#write('run-end', { run: path, how, ...(error === undefined ? {} : { error }) });
  }

  note(text: string): void {
    console.error(text);
  }

  #write(event: string, content: object): void {
    console.log(JSON.stringify({ event, ...content }));
  }
}
