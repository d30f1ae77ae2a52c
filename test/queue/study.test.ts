import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { Ending, JobListener } from '../../src/queue/enqueue/followed.js';
import { enqueueStudy, Store, type Enqueuer } from '../../src/queue/index.js';
import { JournalFile } from '../../src/train/study/journal-file.js';
import { parseStudy } from '../../src/train/study/read.js';
import { Study } from '../../src/train/study/study.js';
import { workerId } from '../../src/train/study/worker.js';
import { bandData } from '../train/small-run.js';

const TEXT = `name: one
recipe: { model: { name: simple-mlp } }
trials: 1
search-space:
  optimizer.lr: { type: float, low: 1e-4, high: 1e-1, log: true }
`;

const row = {
  ...{ epoch: 1, trainLoss: 1, trainAccuracy: 0, valLoss: 1, valAccuracy: 0, lr: 1, seconds: 1, imagesPerSecond: 1 },
};

it('a trial whose epochs are there before its job is stopped all the same where they prune it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'facegrad-queued-study-'));
  try {
    await mkdir(join(folder, 'out'));
    const store = await Store.open(folder);
    const worker = workerId();
    const journal = await JournalFile.open(join(folder, 'journal.log'), worker, { create: true });
    const study = await Study.open(journal, await parseStudy(TEXT, 'one.yaml'), worker);
    const report = vi.spyOn(study, 'report').mockResolvedValue(true);
    let stopped: (ending: Ending) => void = () => undefined;
    const ended = new Promise<Ending>(resolve => {
      stopped = resolve;
    });
    const stop = vi.fn(() => {
      stopped({ outcome: 'stopped' });
      return Promise.resolve();
    });
    const enqueuer = {
      ...{ store, able: 1, fault: new AbortController().signal, nameOf: () => 'worker' },
      // An earlier sitting has enqueued it: what came of its epochs is told while Redis is still being asked.
      submit: async (_name: string, _task: unknown, listener: JobListener) => {
        listener.rows([row]);
        await vi.waitFor(() => {
          expect(report).toHaveBeenCalled();
        });
        await new Promise(resolve => setImmediate(resolve));
        return { ended, stop };
      },
      ...{ forget: () => Promise.resolve(), withdraw: () => Promise.resolve() },
    };
    const nothing = () => undefined;
    await enqueueStudy(study, enqueuer as unknown as Enqueuer, {
      ...{ out: join(folder, 'out'), signal: new AbortController().signal, version: '0.1.0', data: 'synthetic' },
      loadData: () => Promise.resolve(bandData(8, 8, 8)),
      reporter: {
        ...{ trialStarted: nothing, trialEnded: nothing, epoch: nothing, step: nothing, note: nothing },
      },
    });
    expect(stop).toHaveBeenCalledTimes(1);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
