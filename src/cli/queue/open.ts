import {
  Enqueuer,
  isRefusal,
  QueueAddress,
  QueueConnection,
  Store,
  withoutUser,
  type EnqueuerContext,
} from '../../queue/index.js';
import { UserError } from '../../util/errors.js';
import type { GpuOptions } from '../options.js';
import { QUEUE_VARIABLE, type QueueFlags } from './options.js';

/** @throws {UserError} where no URL was given, or it is none */
export function queueAddress({ queue, queueCa }: Pick<QueueFlags, 'queue' | 'queueCa'>): QueueAddress {
  const url = typeof queue === 'string' ? queue : process.env[QUEUE_VARIABLE];
  if (url === undefined || url === '') {
    throw new UserError(`--queue needs the URL of a Redis, such as redis://host:6379, or ${QUEUE_VARIABLE} set to one`);
  }
  return QueueAddress.parse(url, queueCa);
}

/** The queue and the store of a command that enqueues. */
export interface OpenQueue {
  readonly connection: QueueConnection;
  readonly store: Store;
}

/**
 * @param note told when the connection is lost and back
 * @throws {UserError} for options that do not go together, for what is no store, and where no Redis answers
 */
export async function openQueue(
  flags: QueueFlags & GpuOptions & { readonly workers?: number },
  note: (text: string) => void,
): Promise<OpenQueue> {
  if (flags.queue === undefined) {
    throw new UserError(`--${flags.store === undefined ? 'queue-ca' : 'store'} goes with --queue`);
  }
  const [own] = (['adapter', 'backend'] as const).filter(key => flags[key] !== undefined);
  if (own !== undefined)
    throw new UserError(`--${own} is for those who train: with --queue give it to facegrad worker`);
  if ((flags.workers ?? 1) > 1)
    throw new UserError('--workers are processes of this command: with --queue leave it out');
  const address = queueAddress(flags);
  const store = await Store.open(flags.store ?? '.');
  return { connection: await QueueConnection.open(address, note), store };
}

/** Lets `work` enqueue, and leaves the queue tidy. */
export async function withEnqueuer<T>(context: EnqueuerContext, work: (enqueuer: Enqueuer) => Promise<T>): Promise<T> {
  const enqueuer = await Enqueuer.open(context);
  try {
    return await work(enqueuer);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new Error(`the queue refuses: ${withoutUser(error.message)}`, { cause: error });
  } finally {
    await enqueuer.close();
  }
}
