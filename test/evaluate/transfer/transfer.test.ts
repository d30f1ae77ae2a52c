import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { transferDefaults as cliDefaults } from '../../../src/cli/transfer.js';
import type { DataSet } from '../../../src/data/dataset.js';
import { readTrainedRun } from '../../../src/evaluate/trained.js';
import {
  neededLabelMap,
  scoreTest,
  transfer,
  transferChanges,
  transferDefaults,
  TransferFolder,
  transferOptions,
  type TransferRecord,
  type TransferScores,
  type TransferSteps,
} from '../../../src/evaluate/transfer/index.js';
import { fileFingerprint } from '../../../src/train/init-weights.js';
import { lockFolder } from '../../../src/train/run-lock.js';
import { bandData, base, runIn } from '../../train/small-run.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-transfer-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const scores = (accuracy: number, macroF1 = accuracy): TransferScores => ({
  ...{ count: 200, loss: 1.5, accuracy, balancedAccuracy: accuracy / 2, macroF1, recall: [accuracy, null] },
});

const record: TransferRecord = {
  ...{ facegrad: '1', created: '2026', classes: ['happy', 'sad'] },
  from: { run: tmpdir(), weights: 'f', data: 'old', path: '/old.csv' },
  to: { data: 'new, "odd"', fingerprint: 'g' },
  options: { ...base, init: tmpdir() },
};

describe('--force', () => {
  it('spares the run that the network comes from, and one that is under way', async () => {
    const { run } = await TransferFolder.create(folder, record);
    await mkdir(join(run, 'deeper'), { recursive: true });
    for (const from of [run, join(run, 'deeper'), `${folder}/../${basename(folder)}/run`]) {
      await expect(TransferFolder.requireFree(folder, true, from)).rejects.toThrow(`--force would remove ${from}`);
    }
    await TransferFolder.requireFree(folder, true, folder);
    const unlock = await lockFolder(run);
    await expect(TransferFolder.requireFree(folder, true, tmpdir())).rejects.toThrow('is in use');
    await unlock();
  });
});

describe('the forgetting table', () => {
  const done = {
    ...record,
    zeroShot: scores(0.5),
    fineTuned: scores(0.8),
    sourceBefore: scores(0.6),
    sourceAfter: scores(0.45),
  };

  it('says what was gained and what forgotten', async () => {
    const [gain, forgetting] = transferChanges(done);
    expect(gain).toMatchObject({ what: 'gain', data: 'new, "odd"' });
    expect(gain!.accuracy).toBeCloseTo(0.3, 12);
    expect(forgetting!.accuracy).toBeCloseTo(-0.15, 12);
    expect(forgetting!.balancedAccuracy).toBeCloseTo(-0.075, 12);
    await TransferFolder.create(folder, done);
    const text = await readFile(join(folder, 'transfer.md'), 'utf8');
    expect(text).toContain('| old | before | 200 | 60.00 | 30.00 | 0.6000 |');
    expect(text).toContain('| old | **forgetting** |  | -15.00 | -7.50 | -0.1500 |');
    expect(text).toContain('| happy | 50.00 | 80.00 | 60.00 | 45.00 |');
    const [head, first, , , , last] = (await readFile(join(folder, 'transfer.csv'), 'utf8')).split('\n');
    expect(head).toBe('data,when,images,loss,accuracy,balanced_accuracy,macro_f1,recall_happy,recall_sad');
    expect(first).toBe('"new, ""odd""",zero-shot,200,1.5,0.5,0.25,0.5,0.5,');
    expect(last).toMatch(/^"new, ""odd""",gain,,,0\.3/);
  });

  it('has no changes where a part is missing', () => {
    expect(transferChanges({ ...done, fineTuned: undefined } as unknown as TransferRecord)).toHaveLength(1);
    expect(transferChanges(record)).toEqual([]);
  });
});

describe('TransferFolder', () => {
  it('replaces only a transfer, and only where that is asked for', async () => {
    await TransferFolder.requireFree(folder, false, tmpdir());
    const transferred = await TransferFolder.create(folder, record);
    await mkdir(transferred.run);
    expect((await TransferFolder.open(folder)).record).toEqual(record);
    await expect(TransferFolder.requireFree(folder, false, tmpdir())).rejects.toThrow(
      'holds a transfer already; continue it with --resume',
    );
    await TransferFolder.requireFree(folder, true, tmpdir());
    await transferred.close();
    await (await TransferFolder.create(folder, record, { force: true })).close();
    await expect(stat(transferred.run)).rejects.toThrow('ENOENT');
    await writeFile(join(folder, 'transfer.json'), '{}');
    await expect(TransferFolder.requireFree(folder, true, tmpdir())).rejects.toThrow('is not what facegrad writes');
    await rm(join(folder, 'transfer.json'));
    await mkdir(transferred.run);
    await expect(TransferFolder.requireFree(folder, true, tmpdir())).rejects.toThrow('holds something else');
    await expect(TransferFolder.open(join(folder, 'none'))).rejects.toThrow('holds no transfer');
  });
});

describe('a transfer that another process begins or goes on with', () => {
  const begun = () => TransferFolder.create(folder, record);

  it('is not replaced where it was begun while data were read, nor while it is written to', async () => {
    await TransferFolder.requireFree(folder, false, tmpdir());
    const other = await begun();
    await mkdir(other.run);
    await writeFile(join(other.run, 'best.safetensors'), 'weights');
    await expect(TransferFolder.create(folder, record, { force: true })).rejects.toThrow('is in use');
    await expect(TransferFolder.resume(folder)).rejects.toThrow('is in use');
    await other.close();
    await expect(begun()).rejects.toThrow('holds a transfer already');

    const unlock = await lockFolder(other.run);
    await expect(TransferFolder.create(folder, record, { force: true })).rejects.toThrow('is in use');
    await unlock();
    expect(await readFile(join(other.run, 'best.safetensors'), 'utf8')).toBe('weights');
    expect((await readdir(folder)).filter(name => name.startsWith('.lock'))).toEqual([]);
  });

  it('is gone on with as that one has left it, without what a killed one had not finished writing', async () => {
    const first = await begun();
    await first.keep('zeroShot', scores(0.5));
    await first.close();
    await writeFile(join(folder, '.transfer.json.12.tmp'), 'half');
    const second = await TransferFolder.resume(folder);
    expect(second.record.zeroShot).toEqual(scores(0.5));
    expect(await readdir(folder)).not.toContain('.transfer.json.12.tmp');
    await second.keep('sourceAfter', scores(0.4));
    // Nothing is left to be written.
    expect((await TransferFolder.resume(folder)).record).toEqual(second.record);
    await second.close();
  });
});

describe('neededLabelMap', () => {
  const fer = ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'];
  const of = (classes: string[]): DataSet => ({ ...bandData(1), classes });

  it('takes the label space of the network, where every class of the data is in it', () => {
    expect(neededLabelMap(of(fer), fer, 'a')).toBeUndefined();
    expect(neededLabelMap(of(['surprise', 'happiness', 'anger']), fer, 'a')).toBe('fer2013');
  });

  it('needs none where the classes are the same in another order, and refuses others', () => {
    expect(neededLabelMap(of(['b', 'a']), ['a', 'b'], 'x')).toBeUndefined();
    expect(() => neededLabelMap(of(['happy', 'contempt']), fer, 'runs/a')).toThrow('--map-labels fer2013');
    expect(() => neededLabelMap(of(['a']), ['a', 'b'], 'runs/a')).toThrow('Without counterpart: b');
  });
});

it('the command knows the defaults', () => {
  expect(cliDefaults).toEqual(transferDefaults);
});

describe('a transfer', () => {
  /** Bands, whose classes stand in another order. */
  const other: DataSet = {
    ...bandData(40),
    name: 'others',
    classes: ['bottom', 'middle', 'top'],
    fingerprint: 'others',
  };

  it('does each part once, however often it is stopped', async () => {
    const { path } = await runIn(folder, 'first', bandData(60), { epochs: 1 });
    const trained = await readTrainedRun(path);
    const { config } = trained.run!;
    const options = transferOptions({ ...trained, run: trained.run! }, { data: 'others', epochs: 1 }, 0.25, 'old');
    expect(options).toMatchObject({ model: 'improved-mlp', init: path, mean: config.mean, channels: 1, batchSize: 16 });
    expect(options.joint).toEqual({ data: 'old', share: 0.25 });

    const begun: TransferRecord = {
      ...{ facegrad: '1', created: '2026', classes: config.classes, to: { data: 'others', fingerprint: 'others' } },
      from: { run: path, weights: await fileFingerprint(trained.file), data: 'bands', path: 'old' },
      options,
    };
    const out = await TransferFolder.create(join(folder, 'out'), begun);
    const calls: string[] = [];
    let interrupted = true;
    const alone = { ...options };
    delete alone.joint;
    const steps: TransferSteps = {
      loadSource: () => Promise.resolve(bandData(60)),
      loadTarget: () => Promise.resolve(other),
      fineTune: async () => {
        calls.push('fineTune');
        if (!interrupted) await runIn(out.path, 'run', other, alone);
        return !interrupted;
      },
      score: (network, data, what) => {
        calls.push(what);
        return scoreTest(network, data, config.classes, { batchSize: 20, seed: 0, limit: 15 });
      },
    };
    const { signal } = new AbortController();
    expect(await transfer(out, steps, signal)).toBeUndefined();
    interrupted = false;
    const again = await TransferFolder.open(out.path);
    const done = await transfer(again, steps, signal);
    expect(calls).toEqual(['zeroShot', 'sourceBefore', 'fineTune', 'fineTune', 'fineTuned', 'sourceAfter']);
    expect(done!.fineTuned!.count).toBe(15);
    // The classes are found by name: 'top' of the others is their third.
    const direct = await scoreTest(await readTrainedRun(again.run), other, config.classes, { batchSize: 20, seed: 0 });
    const mirrored = await scoreTest(await readTrainedRun(again.run), other, [...config.classes].reverse(), {
      batchSize: 20,
      seed: 0,
    });
    expect(mirrored.recall).toEqual([...direct.recall].reverse());
    expect((await TransferFolder.open(out.path)).record).toEqual(done);

    await runIn(folder, 'second', bandData(60), { epochs: 1, seed: 3 });
    await writeFile(trained.file, await readFile(join(folder, 'second', 'best.safetensors')));
    await out.close();
    const fresh = await TransferFolder.create(join(folder, 'out'), begun, { force: true });
    await expect(transfer(fresh, steps, signal)).rejects.toThrow('has changed since the transfer began');
  });
});
