import type { Redis } from 'ioredis';

/** Milliseconds by the clock of the queue, which all machines share; their own may differ. */
export async function queueTime(redis: Redis): Promise<number> {
  const [seconds, microseconds] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
}
