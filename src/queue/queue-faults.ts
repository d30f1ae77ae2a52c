import { ErrorCode } from 'bullmq';
import { ReplyError } from 'ioredis';

/** Codes of BullMQ's for a job that is no longer this worker's, or no longer there at all. */
const LOST = new Set<unknown>([
  ErrorCode.JobNotExist,
  ErrorCode.JobLockNotExist,
  ErrorCode.JobNotInState,
  ErrorCode.JobLockMismatch,
]);

/** Redis has answered, and will not do it now: it is read-only after a failover, its memory or its disk is full, a script runs. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof (ReplyError as typeof Error);
}

/** What Redis says, without the name of the user whom it does not let do something. */
export function withoutUser(message: string): string {
  return message.replace(/\bUser \S+/g, 'this user');
}

/**
 * Whether the queue no longer has a job in the hands of who asks: it has forgotten it, or has done what was asked already, when
 * the answer got lost and the question was sent once more.
 */
export function isJobGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && LOST.has(error.code);
}
