import type { Command } from 'commander';

/** What `--queue` and the options that go with it were given. */
export interface QueueFlags {
  /** True without a URL. */
  queue?: string | true;
  queueCa?: string;
  store?: string;
}

/** The environment variable that holds the URL, so that no list of processes shows it. */
export const QUEUE_VARIABLE = 'FACEGRAD_QUEUE';

/** `--queue`, `--queue-ca` and `--store`; `what` is enqueued, in words. */
export function addQueueOptions(command: Command, what: string): Command {
  return command
    .option(
      '--queue [url]',
      `leave ${what} to workers (facegrad worker): redis:// or rediss://[user:password@]host[:port][/db] (default: ${QUEUE_VARIABLE})`,
    )
    .option('--queue-ca <file>', 'with --queue rediss://…: certificates of the authorities to trust, PEM')
    .option('--store <folder>', 'with --queue: the folder that workers share, in which --out lies (default: this one)');
}

/** Whether a command is to enqueue; also where `--queue` is missing beside the options that go with it, which is told. */
export function isQueued({ queue, queueCa, store }: QueueFlags): boolean {
  return queue !== undefined || queueCa !== undefined || store !== undefined;
}

/** A command line with a password shows in every list of processes: from here on it does not. */
export function hidePasswords(argv: readonly string[]): void {
  if (argv.some(arg => /:\/\/[^/]*@/.test(arg))) process.title = 'facegrad';
}
