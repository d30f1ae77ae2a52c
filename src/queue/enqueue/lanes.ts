import { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { KEPT_SECONDS, laneKey, LANES, LANES_SEEN, PREFIX, queueName } from '../keys.js';
import type { Lane } from '../protocol.js';
import { queueTime } from '../queue-time.js';

/** BullMQ's queue of a lane. */
export function openLane(redis: Redis, id: string): Queue {
  const queue = new Queue(queueName(id), {
    prefix: PREFIX,
    // The version was looked at when the connection was opened.
    skipVersionCheck: true,
    connection: redis,
    streams: { events: { maxLen: 1000 } },
  });
  // The connection says itself when it is lost.
  queue.on('error', () => undefined);
  return queue;
}

/** Says what workers need for the jobs of a lane, and that somebody needs it still. */
export async function announceLane(redis: Redis, id: string, lane: Lane): Promise<void> {
  await redis.hset(LANES, id, JSON.stringify(lane));
  await redis.hset(LANES_SEEN, id, await queueTime(redis));
}

/** Leaves nothing of a lane that has no jobs. */
export async function removeLane(redis: Redis, id: string): Promise<void> {
  await redis.hdel(LANES, id);
  await redis.hdel(LANES_SEEN, id);
  await redis.del(laneKey(id, 'events'), laneKey(id, 'meta'));
}

/**
 * Removes the lanes which no command has needed for `KEPT_SECONDS`, with the jobs that nobody has collected from them: those of
 * an earlier version, or of a study that was given up.
 */
export async function removeOldLanes(redis: Redis): Promise<void> {
  const time = await queueTime(redis);
  for (const id of await redis.hkeys(LANES)) {
    // Where nobody has said so yet, it counts from now on.
    if ((await redis.hsetnx(LANES_SEEN, id, time)) === 1) continue;
    const seen = Number(await redis.hget(LANES_SEEN, id));
    if (time - seen < 1000 * KEPT_SECONDS || (await redis.llen(laneKey(id, 'active'))) > 0) continue;
    const queue = openLane(redis, id);
    try {
      await queue.obliterate();
    } finally {
      await queue.close();
    }
    await removeLane(redis, id);
  }
}
