import { workerName, type WorkersReporter, type WorkerStatus } from '../../queue/index.js';
import { columns, loss, percent, rate } from './format.js';
import { isWatched } from './watched.js';

/** A few lines on standard error that are drawn anew in their place; only where somebody watches. */
export class StatusBlock {
  readonly #watched = isWatched();
  #drawn = 0;
  #quiet = false;

  draw(lines: readonly string[]): void {
    if (!this.#watched || this.#quiet) return;
    this.clear();
    const { columns: width, rows } = process.stderr;
    // What has left the screen above cannot be taken back.
    const most = Math.max(2, rows - 1);
    const more = lines.length - most + 1;
    const shown = lines.length <= most ? lines : [...lines.slice(0, most - 1), `and ${more} more`];
    process.stderr.write(shown.map(line => `${line.slice(0, width - 1)}\n`).join(''));
    this.#drawn = shown.length;
  }

  clear(): void {
    if (this.#drawn > 0) process.stderr.write(`\x1b[${this.#drawn}A\r\x1b[J`);
    this.#drawn = 0;
  }

  /** Draws nothing while `work` does, which has something of its own to show. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.clear();
    this.#quiet = true;
    try {
      return await work();
    } finally {
      this.#quiet = false;
    }
  }

  // As a StatusLine: what one process would say of its epoch, the table says of all.
  update(): void {
    // Nothing.
  }
}

/** A line for each worker, the head first: what it trains, and how far that is. */
export function workersTable(workers: readonly WorkerStatus[]): string[] {
  const rows = workers.map(({ host, pid, adapter, job, refused }) => {
    const worker = [workerName({ host, pid }), adapter.slice(0, ADAPTER_WIDTH)];
    if (!job) return [...worker, Object.keys(refused).length > 0 ? 'idle (refuses some)' : 'idle', '', '', '', '', ''];
    const { title, progress } = job;
    if (!progress) return [...worker, title, '', '', '', '', ''];
    const { epoch, epochs, step, steps, loss: mean, accuracy, imagesPerSecond } = progress;
    return [
      ...[...worker, title, `${epoch}/${epochs}`, `${Math.floor((100 * step) / Math.max(1, steps))} %`],
      ...[loss(mean), percent(accuracy), rate(imagesPerSecond)],
    ];
  });
  const head = ['worker', 'adapter', 'trains', 'epoch', 'done', 'loss', 'accuracy', 'images/s'];
  return rows.length === 0 ? [] : columns([head, ...rows], 'lllr');
}

const ADAPTER_WIDTH = 28;

/** A worker that has come, gone, or refused jobs. */
export function workerLine(worker: WorkerStatus, change: 'joined' | 'left' | 'refused', reason?: string): string {
  const name = `worker ${workerName(worker)}`;
  switch (change) {
    case 'joined':
      return `${name} is there: ${worker.adapter}`;
    case 'left':
      return `${name} is gone`;
    case 'refused':
      return `${name} leaves these jobs alone: ${reason ?? 'it does not say why'}`;
  }
}

/** Shows workers above which whatever is enqueued prints its lines. */
export class WorkersView implements WorkersReporter {
  constructor(
    private readonly block: StatusBlock,
    private readonly print: (text: string) => void,
  ) {}

  workers(workers: readonly WorkerStatus[]): void {
    this.block.draw(workersTable(workers));
  }

  worker(worker: WorkerStatus, change: 'joined' | 'left' | 'refused', reason?: string): void {
    this.print(workerLine(worker, change, reason));
  }

  note(text: string): void {
    this.print(text);
  }
}

/** The same as lines of JSON. */
export class WorkersJson implements WorkersReporter {
  #last = '';

  workers(workers: readonly WorkerStatus[]): void {
    const list = workers.map(({ host, pid, adapter, job }) => ({
      ...{ worker: workerName({ host, pid }), adapter },
      ...(job ? { job: job.title, ...job.progress } : {}),
    }));
    const line = JSON.stringify({ event: 'workers', workers: list });
    if (line === this.#last) return;
    this.#last = line;
    console.log(line);
  }

  worker(worker: WorkerStatus, change: 'joined' | 'left' | 'refused', reason?: string): void {
    const { facegrad, adapter } = worker;
    const shown = { event: 'worker', change, worker: workerName(worker), adapter, facegrad };
    console.log(JSON.stringify({ ...shown, ...(reason === undefined ? {} : { reason }) }));
  }

  note(text: string): void {
    console.error(text);
  }
}
