import { resolve } from 'node:path';
import { Command } from 'commander';
import { UserError } from '../util/errors.js';
import { addGpuOptions, collect, integer, number, type GpuOptions } from './options.js';
import { QUEUE_VARIABLE, type QueueFlags } from './queue/options.js';
import { Interruption } from './signals.js';
import { packageVersion } from './version.js';

interface Flags extends GpuOptions, QueueFlags {
  dataRoot?: string[];
  concurrency: number;
  lease: number;
  json?: true;
}

export function workerCommand(exitWith: (code: number) => void): Command {
  const command = new Command('worker')
    .summary('train what other machines have put into a queue')
    .description(
      'Train the trials, recipes and folds that `tune`, `compare` and `train --folds` leave to workers with --queue, one after ' +
        'the other, until Ctrl-C, which saves the run under way and gives it back. Of a worker that dies or loses its network ' +
        'another one goes on with the run, from its last checkpoint. Without --adapter one process for each adapter.',
    )
    .option(
      '--queue [url]',
      `the Redis of the queue: redis:// or rediss://[user:password@]host[:port][/db] (default: ${QUEUE_VARIABLE})`,
    )
    .option('--queue-ca <file>', 'with rediss://: certificates of the authorities to trust, PEM')
    .option('--store <folder>', 'the folder that all machines share, under whatever path: runs lie in it')
    .option(
      '--data-root <folder>',
      'where data sets lie on this machine, by the names that they were enqueued with; may be given several times',
      collect,
    )
    .option('--concurrency <n>', 'processes on each adapter', integer(1, 64), 1)
    .option(
      '--lease <seconds>',
      'silence after which the run of a worker is given to another one',
      number('from 1 to 3600', seconds => seconds >= 1 && seconds <= 3600),
      30,
    )
    .option(
      '--json',
      'JSON lines on standard output: {"event": "ready" | "job-start" | "epoch" | "job-end" | "refused", …}',
    );
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Examples:
  facegrad worker --queue redis://queue:6379 --store /mnt/shared \\
    --data-root /data
  ${QUEUE_VARIABLE}=rediss://:secret@queue:6379 facegrad worker \\
    --store /mnt/shared --adapter high-performance --json`,
  );
  return command.action(async (flags: Flags) => {
    exitWith(await work(flags));
  });
}

/** Gives the exit code. */
async function work(flags: Flags): Promise<number> {
  const { adapter, backend, concurrency, dataRoot = [], lease, json, store: folder } = flags;
  if (folder === undefined) throw new UserError('worker needs --store <folder>: the folder that all machines share');
  const { queueAddress } = await import('./queue/open.js');
  const address = queueAddress(flags);
  const { choiceFault, planSlots, QueueConnection, runWorker, Store } = await import('../queue/index.js');
  const { kindOf } = await import('../train/files.js');
  for (const root of dataRoot) {
    if ((await kindOf(root)) !== 'folder') throw new UserError(`--data-root ${root}: no such folder`);
  }
  const store = await Store.open(folder);
  const { WorkerJsonReporter, WorkerPlainReporter } = await import('./report/worker.js');
  const reporter = json ? new WorkerJsonReporter() : new WorkerPlainReporter();
  const connection = await QueueConnection.open(address, text => {
    reporter.note(text);
  });
  const { runProcesses } = await import('./queue/processes.js');
  const { stopWithParent } = await import('./parts.js');
  const parentGone = stopWithParent();
  const interruption = new Interruption(() => {
    reporter.note('stopping after this step, saving and giving the run back; once more stops at once');
  });
  const { signal } = interruption;
  try {
    const { listAdapters } = await import('../gpu/node.js');
    const adapters = await listAdapters();
    const slots = planSlots(adapters, { adapter, backend }, concurrency);
    if (slots.length > 1) {
      connection.close();
      await runProcesses(slots, flags, interruption);
    } else {
      const [slot] = slots;
      const fault = choiceFault(adapters, { adapter, backend }, process.env);
      if (fault !== undefined) throw new UserError(fault);
      const { loadRunDataVisibly } = await import('./load-data.js');
      await runWorker({
        ...{ connection, store, lease, reporter, version: packageVersion() },
        ...{ adapter: slot?.adapter, backend: slot?.backend },
        dataRoots: dataRoot.map(root => resolve(root)),
        signal: AbortSignal.any([signal, parentGone]),
        load: loadRunDataVisibly,
      });
    }
    return interruption.exitCode ?? 0;
  } finally {
    connection.close();
    interruption.dispose();
  }
}
