/** What the keys of a queue in Redis are called. Those of BullMQ begin with the same prefix and the name of a lane. */

export const PREFIX = 'facegrad';

/** Hash: what lanes there are, by id, as JSON (protocol.ts). */
export const LANES = `${PREFIX}:lanes`;

/** Hash: when a command last needed each, in milliseconds by the queue's clock. */
export const LANES_SEEN = `${PREFIX}:lanes-seen`;

/** Set: the ids of workers, each with a key of its own. */
export const WORKERS = `${PREFIX}:workers`;

/** What a worker does, as JSON; it goes with the worker. */
export const workerKey = (id: string) => `${PREFIX}:worker:${id}`;

/** Which process enqueues a study, a comparison or a series, as JSON; it goes with the process. */
export const enqueuerKey = (key: string) => `${PREFIX}:enqueuer:${key}`;

/** Hash: the lane of each job that was enqueued under `key`. */
export const enqueuedKey = (key: string) => `${PREFIX}:enqueued:${key}`;

/** BullMQ's name of a lane's queue. */
export const queueName = (lane: string) => `lane-${lane}`;

/** One of BullMQ's keys of a lane's queue. */
export const laneKey = (lane: string, what: string) => `${PREFIX}:${queueName(lane)}:${what}`;

/** Hash: what is told of a job beside BullMQ's own: rows of epochs, whether it is to stop, how often it was begun and why given back. */
export const taskKey = (lane: string, job: string) => `${PREFIX}:task:${lane}:${job}`;

/** Fields of that hash. */
export const TASK = {
  row: (epoch: number) => `row:${epoch}`,
  isRow: (field: string) => field.startsWith('row:'),
  stop: 'stop',
  /** Workers that have begun it since it last got on. */
  tries: 'tries',
  /** Why it was given back the last time. */
  why: 'why',
  /** By the queue's clock: until then a job that was given back is left alone. */
  until: 'until',
} as const;

/** A channel on which is said that there may be something to do. */
export const WAKE = `${PREFIX}:wake`;

/** A channel on which is said which job is to stop: `<lane>:<job>`. */
export const STOP = `${PREFIX}:stop`;

/** What nobody has collected or touched for so long goes: 30 days, in seconds. */
export const KEPT_SECONDS = 30 * 24 * 3600;
