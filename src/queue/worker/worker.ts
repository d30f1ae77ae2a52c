import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from 'bullmq';
import type { DataSet } from '../../data/dataset.js';
import { openDevice } from '../../gpu/node.js';
import { isMachineFault } from '../../train/machine-fault.js';
import { isTaken } from '../../train/run-lock.js';
import { workerId } from '../../train/study/worker.js';
import { adapterName } from '../../train/trainer.js';
import type { EpochRow, StepProgress, TrainOptions } from '../../train/types.js';
import { UserError } from '../../util/errors.js';
import type { QueueConnection } from '../connection.js';
import { DataRoots } from '../data-root.js';
import { KEPT_SECONDS, STOP, TASK, taskKey, WAKE } from '../keys.js';
import { JobLease } from '../lease.js';
import { parseTask, PROTOCOL, type Lane, type Outcome, type Task, type WorkerStatus } from '../protocol.js';
import { isJobGone, isRefusal, withoutUser } from '../queue-faults.js';
import { queueTime } from '../queue-time.js';
import type { Store } from '../store.js';
import { DataMissing, DataShelf } from './data-shelf.js';
import { Heart } from './heart.js';
import { LaneBook, type Taken } from './lane-book.js';
import type { JobEnd, JobName, WorkerReporter } from './report.js';
import { trainTask } from './train-task.js';

export interface WorkerContext {
  readonly connection: QueueConnection;
  readonly store: Store;
  /** Folders with data sets. */
  readonly dataRoots: readonly string[];
  readonly adapter?: string | undefined;
  readonly backend?: string | undefined;
  readonly version: string;
  /** Seconds of silence after which this worker's job is given to another one. */
  readonly lease: number;
  /** Aborted: the run under way is saved, its job given back, and the worker ends. */
  readonly signal: AbortSignal;
  readonly reporter: WorkerReporter;
  /** Loads what a run trains on. */
  readonly load: (options: TrainOptions) => Promise<DataSet>;
}

/** Milliseconds between two looks for jobs, where nobody says that there are some. */
const LOOK_MS = 2000;
/** What the queue may still have to say when the worker is to end. */
const LAST_ANSWER_MS = 1000;
/** A job whose run somebody trains by hand is tried again after so many milliseconds. */
const IN_USE_MS = 10_000;
/** Likewise one of which the queue would not take what came of it. */
const REFUSED_MS = 10_000;
/** A job that so many workers in a row did not survive is no worker's fault. */
const MOST_TRIES = 3;

/**
 * Takes jobs from a queue and trains their runs, one after the other, until the signal is aborted.
 * @throws {UserError} where there is no adapter of that kind
 * @throws where this machine fails: a full disk, a lost device. The job under way is given back first
 */
export async function runWorker(context: WorkerContext): Promise<void> {
  const { adapter, backend } = context;
  // What every job would meet is met before the first.
  const device = await openDevice({ adapter, backend });
  const name = adapterName(device);
  device.destroy();
  const worker = new QueueWorker(context, name);
  try {
    await worker.run();
  } finally {
    await worker.close();
  }
}

/** A job under way. */
interface Work {
  readonly lane: string;
  readonly job: JobName;
  readonly stop: AbortController;
  progress?: StepProgress | undefined;
}

/** Why a job is given back, and when another worker may have it. */
class GivenBack extends Error {
  override readonly name = 'GivenBack';

  constructor(
    message: string,
    readonly delay = 0,
  ) {
    super(message);
  }
}

/** Whether a job was left as it was, by no fault of it or of this machine. */
function isNoTry(error: unknown): boolean {
  return error instanceof GivenBack || error instanceof DataMissing || isRefusal(error);
}

/**
 * Whether somebody else trains in a run's folder; where no folder can be there nobody does.
 * @throws where the disk cannot be read
 */
async function isHeld(run: string, lease: string): Promise<boolean> {
  try {
    return await isTaken(run, lease);
  } catch (error) {
    if (isMachineFault(error)) throw error;
    return false;
  }
}

class QueueWorker {
  readonly #id = workerId();
  readonly #lanes: LaneBook;
  readonly #shelf: DataShelf;
  readonly #heart: Heart;
  readonly #roots: DataRoots;
  #work: Work | undefined;
  /** Ends the pause between two looks, where there is one. */
  #resume: (() => void) | undefined;
  /** There may be jobs that the look under way does not see. */
  #woken = false;
  /** What the queue has refused since it last did what it was asked. */
  #refusal = '';

  constructor(
    private readonly context: WorkerContext,
    private readonly adapter: string,
  ) {
    const { connection, store, version, lease, load, reporter } = context;
    this.#roots = new DataRoots(context.dataRoots, store);
    this.#shelf = new DataShelf(this.#roots, store, load);
    this.#lanes = new LaneBook(connection, {
      ...{ id: this.#id, version, lease: 1000 * lease },
      judge: lane => this.#judge(lane),
      onRefused: (title, reason) => {
        reporter.refused(title, reason);
      },
    });
    this.#heart = new Heart(
      connection.redis,
      1000 * lease,
      () => this.#status(),
      () => {
        this.#work?.stop.abort();
      },
    );
  }

  async run(): Promise<void> {
    const { connection, store, signal, reporter } = this.context;
    this.#listen();
    signal.addEventListener('abort', () => {
      this.#wake();
    });
    await this.#heart.beat();
    reporter.ready({ id: this.#id, adapter: this.adapter, store: store.path, queue: connection.address.shown });
    while (!signal.aborted) {
      this.#woken = false;
      const taken = await this.#look().catch((error: unknown) => {
        if (!isRefusal(error)) throw error;
        this.#tellRefusal(error);
        return undefined;
      });
      if (taken) await this.#do(taken);
      else await this.#pause();
    }
  }

  async #look(): Promise<Taken | undefined> {
    const look = this.#lanes.take();
    try {
      const taken = await this.#unlessAborted(look);
      this.#refusal = '';
      return taken;
    } catch (error) {
      if (!(error instanceof GivenBack)) throw error;
      // It may have taken one all the same.
      const taken = await Promise.race([look.catch(() => undefined), sleep(LAST_ANSWER_MS)]);
      if (taken) await taken.job.moveToWait(taken.token).catch(() => undefined);
      return undefined;
    }
  }

  #tellRefusal(error: Error): void {
    const message = withoutUser(error.message);
    if (message === this.#refusal) return;
    this.#refusal = message;
    this.context.reporter.note(`the queue refuses: ${message}; trying again`);
  }

  #wake(): void {
    this.#woken = true;
    this.#resume?.();
  }

  async close(): Promise<void> {
    await this.#heart.stop();
    await this.#lanes.close();
  }

  /** Hears that there may be jobs, and that one is to stop. */
  #listen(): void {
    const client = this.context.connection.client();
    client.on('message', (channel: string, message: string) => {
      if (channel === WAKE) this.#wake();
      else if (this.#work && message === `${this.#work.lane}:${this.#work.job.id}`) this.#work.stop.abort();
    });
    // Where it fails, the looks that come anyway find everything.
    client.subscribe(WAKE, STOP).catch(() => undefined);
  }

  async #judge(lane: Lane): Promise<void> {
    const { store } = this.context;
    if (lane.store !== store.id) {
      throw new UserError(
        `their runs lie in another folder than ${store.path}; give the folder that the command which enqueues has as --store`,
      );
    }
    await this.#shelf.require(lane);
  }

  async #do(taken: Taken): Promise<void> {
    const { job, token, asked } = taken;
    const { reporter, lease: seconds } = this.context;
    const id = job.id!;
    const lease = new JobLease(id, job, token, 1000 * seconds, asked);
    const name: { -readonly [K in keyof JobName]: JobName[K] } = { id, title: job.name, run: '' };
    const end = (how: JobEnd, why?: string) => {
      reporter.ended(name, how, why);
    };
    try {
      let task: Task;
      try {
        task = parseTask(job.data, this.context.version);
      } catch (error) {
        await lease.during(job.moveToFailed(error as Error, token, false));
        end('failed', (error as Error).message);
        return;
      }
      Object.assign(name, { title: task.title, run: this.context.store.resolve(task.run) });
      const outcome = await this.#train(taken, task, lease, name);
      await lease.during(job.moveToCompleted(outcome, token, false));
      end(outcome.outcome, outcome.outcome === 'failed' ? outcome.error : undefined);
    } catch (error) {
      if (lease.signal.aborted) {
        end('lost', (lease.signal.reason as Error).message);
        return;
      }
      if (isJobGone(error)) {
        end('lost', (error as Error).message);
        return;
      }
      await this.#giveBack(taken, lease, error as Error);
      end('given-back', withoutUser((error as Error).message));
      if (isRefusal(error)) this.#tellRefusal(error);
      else if (!isNoTry(error)) throw error;
    } finally {
      lease.end();
      this.#work = undefined;
    }
  }

  /** What came of a job; whatever is thrown is no fault of the job's. */
  async #train({ lane, job }: Taken, task: Task, lease: JobLease, name: JobName): Promise<Outcome> {
    const { context } = this;
    const { signal, version, adapter, backend, reporter } = context;
    const work: Work = { lane, job: name, stop: new AbortController() };
    this.#work = work;
    const tries = await lease.during(this.#countTry(lane, name.id));
    if (tries > MOST_TRIES) {
      const error = `${MOST_TRIES} workers in a row ended with it before it got any further`;
      return { outcome: 'failed', error, usage: false };
    }
    void this.#heart.beat();
    const local = await this.#take(lane, task, lease);
    let hindrance: unknown;
    const telling = new Teller(this.context.connection, lane, job);
    const stop = AbortSignal.any([signal, work.stop.signal, lease.signal]);
    try {
      const result = await trainTask(task, local, {
        ...{ path: name.run, lease, signal: stop, version, adapter, backend },
        openDevice: options =>
          openDevice(options).catch((error: unknown) => {
            hindrance = error;
            throw error;
          }),
        onStart: resumed => {
          reporter.started(name, resumed);
        },
        onStep: progress => {
          work.progress = progress;
        },
        onEpoch: row => {
          reporter.epoch(name, row, local.options.epochs);
        },
        onRows: read => {
          telling.tell(read);
        },
        onSaved: () => {
          telling.gotOn();
        },
        onNote: text => {
          reporter.note(text);
        },
      });
      await lease.during(telling.end());
      if (result) return result;
      if (work.stop.signal.aborted) return { outcome: 'stopped' };
      telling.gotOn();
      await lease.during(telling.end());
      throw new GivenBack('the worker is to end');
    } catch (error) {
      if (lease.signal.aborted || error instanceof GivenBack) throw error;
      if (error === hindrance || isMachineFault(error)) throw error;
      if (await isHeld(name.run, lease.name)) throw new GivenBack((error as Error).message, IN_USE_MS);
      return {
        outcome: 'failed',
        error: (error as Error).message || 'no reason was given',
        usage: error instanceof UserError,
      };
    }
  }

  /** The job's data on this machine; where it has them not, the jobs that need the same are left alone from now on. */
  async #take(lane: string, task: Task, lease: JobLease) {
    try {
      return await lease.during(this.#unlessAborted(this.#shelf.take(task)));
    } catch (error) {
      if (error instanceof DataMissing) this.#lanes.refuse(lane, task.data.title, error.message);
      if (this.context.signal.aborted) throw new GivenBack('the worker is to end');
      throw error;
    }
  }

  async #countTry(lane: string, id: string): Promise<number> {
    const { redis } = this.context.connection;
    await redis.hdel(taskKey(lane, id), TASK.why);
    const tries = await redis.hincrby(taskKey(lane, id), TASK.tries, 1);
    await redis.expire(taskKey(lane, id), KEPT_SECONDS);
    return tries;
  }

  /** Lets another worker have the job at once, or after a while. */
  async #giveBack({ lane, job, token }: Taken, lease: JobLease, error: Error): Promise<void> {
    const { redis } = this.context.connection;
    const delay = error instanceof GivenBack ? error.delay : isRefusal(error) ? REFUSED_MS : 0;
    const key = taskKey(lane, job.id!);
    const work = async () => {
      await redis.hset(key, TASK.why, withoutUser(error.message));
      // It was taken and left as it was: that is no try. What ends this worker may end the next one too.
      if (isNoTry(error)) await redis.hset(key, TASK.tries, 0);
      if (delay > 0) {
        await redis.hset(key, TASK.until, (await queueTime(redis)) + delay);
        await job.moveToDelayed(Date.now() + delay, token);
      } else await job.moveToWait(token);
      await redis.publish(WAKE, lane);
    };
    // Where the queue does not answer, the lock runs out, which comes to the same.
    await lease.during(work()).catch(() => undefined);
  }

  async #pause(): Promise<void> {
    if (this.#woken || this.context.signal.aborted) return;
    await new Promise<void>(resolve => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.#resume = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#resume = undefined;
  }

  /** Does not wait for an answer of a queue that is away when the worker is to end. */
  async #unlessAborted<T>(work: Promise<T>): Promise<T> {
    const { signal } = this.context;
    let stop: () => void = () => undefined;
    const aborted = new Promise<never>((_, reject) => {
      stop = () => {
        reject(new GivenBack('the worker is to end'));
      };
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    try {
      return await Promise.race([work, aborted]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  #status(): WorkerStatus {
    const { version } = this.context;
    const work = this.#work;
    const { progress } = work ?? {};
    return {
      ...{
        protocol: PROTOCOL,
        facegrad: version,
        id: this.#id,
        host: hostname(),
        pid: process.pid,
        adapter: this.adapter,
      },
      ...(work
        ? {
            job: {
              ...{ lane: work.lane, id: work.job.id, title: work.job.title },
              ...(progress ? { progress: progressOf(progress) } : {}),
            },
          }
        : {}),
      refused: this.#lanes.refused,
    };
  }
}

/** Tells the queue of a run's epochs, in order, while training goes on. */
class Teller {
  #told: Promise<void> = Promise.resolve();

  constructor(
    private readonly connection: QueueConnection,
    private readonly lane: string,
    private readonly job: Job,
  ) {}

  /** @param read gives all epochs so far */
  tell(read: () => Promise<readonly EpochRow[]>): void {
    this.#next(async () => {
      const rows = await read();
      const fields = Object.fromEntries(rows.map(row => [TASK.row(row.epoch), JSON.stringify(row)]));
      await this.connection.redis.hset(this.#key, fields);
      await this.job.updateProgress({ epoch: rows.at(-1)!.epoch });
    });
  }

  /** Whatever happens to this worker now, the next one does not begin where it did. */
  gotOn(): void {
    this.#next(async () => {
      await this.connection.redis.hset(this.#key, TASK.tries, 0);
    });
  }

  async end(): Promise<void> {
    return this.#told;
  }

  get #key(): string {
    return taskKey(this.lane, this.job.id!);
  }

  /** What is not told is in the run's folder, and in what comes of the job. */
  #next(tell: () => Promise<void>): void {
    this.#told = this.#told.then(tell).catch(() => undefined);
  }
}

function progressOf({ epoch, epochs, step, steps, loss, accuracy, imagesPerSecond }: StepProgress) {
  return { epoch, epochs, step, steps, loss, accuracy, imagesPerSecond };
}
