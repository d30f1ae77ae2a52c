import { cp, lstat, mkdtemp, open, readdir, readFile, rm, symlink, writeFile, type FileHandle } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Dispatch } from '../../src/gpu/device.js';
import { loadWeights, readPlace } from '../../src/train/checkpoint.js';
import { checkpointName, parseCheckpointName } from '../../src/train/checkpoints.js';
import { ownName } from '../../src/util/processes.js';
import { RunFolder } from '../../src/train/run.js';
import { DamagedFile, readTensorFile } from '../../src/train/tensor-file.js';
import type { TrainOptions } from '../../src/train/types.js';
import { paths } from '../devices.js';
import { abortAtBatch, atBatch, bandData, Recorder, runIn, stateOf } from './small-run.js';

// 60 images make 4 steps an epoch. Dropout and batch normalisation: what has to be restored beside weights.
const data = bandData(60);
const saving: Partial<TrainOptions> = { inputSize: 16, lr: 1e-2, saveEverySteps: 3, saveEveryEpochs: 1 };

let folder: string;
/** A run that nothing interrupts, made once. */
let whole: string;
let wholeFolder: string;

beforeAll(async () => {
  wholeFolder = await mkdtemp(join(tmpdir(), 'facegrad-durable-'));
  whole = (await runIn(wholeFolder, 'whole', data, saving)).path;
  return () => rm(wholeFolder, { recursive: true, force: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-durable-'));
});
afterEach(async () => {
  vi.useRealTimers();
  await rm(folder, { recursive: true, force: true });
});

const path = () => join(folder, 'run');
const file = (...names: string[]) => join(path(), ...names);
const run = (...rest: Rest) => runIn(folder, 'run', ...rest);
type Rest = Parameters<typeof runIn> extends [string, string, ...infer Others] ? Others : never;
const resume = (reporter = new Recorder()) => run(data, saving, { resume: true, reporter });

/** A run of its own that stands where `whole` does. */
const copyOfWhole = () => cp(whole, path(), { recursive: true });

async function expectLikeWhole(): Promise<void> {
  for (const name of ['last.safetensors', 'best.safetensors']) {
    expect(await stateOf(file(name))).toEqual(await stateOf(join(whole, name)));
  }
  const metricsOf = async (folder: string) =>
    (await (await RunFolder.open(folder)).readMetrics()).map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 }));
  expect(await metricsOf(path())).toEqual(await metricsOf(whole));
}

/** No temporary file and no lock. */
async function expectTidy(): Promise<void> {
  const names = await readdir(path(), { recursive: true });
  expect(names.filter(name => name.endsWith('.tmp') || name.startsWith('.lock'))).toEqual([]);
}

async function flipBit(name: string, place: number): Promise<void> {
  const bytes = await readFile(file(name));
  const at = Math.floor(bytes.length * place);
  bytes[at] = bytes[at]! ^ 4;
  await writeFile(file(name), bytes);
}

/** A disk that takes the small files of a run, `room` large ones, and half of the next. */
async function fillDisk(room = 0): Promise<void> {
  const handle = await open(join(folder, 'any'), 'w');
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called on the handle that it is asked of
  const { writeFile } = prototype;
  let large = 0;
  vi.spyOn(prototype, 'writeFile').mockImplementation(async function (this: FileHandle, content) {
    const isTooLarge = content instanceof Uint8Array && content.length > 100_000 && ++large > room;
    await writeFile.call(this, isTooLarge ? content.subarray(0, content.length / 2) : content);
    if (isTooLarge) throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  });
}

describe('checkpoints', () => {
  it('are named by where the run stands', () => {
    expect(checkpointName({ epochs: 5, step: 0 })).toBe('epoch-0005.safetensors');
    expect(checkpointName({ epochs: 2, step: 120 })).toBe('epoch-0003-step-000120.safetensors');
    for (const place of [
      { epochs: 5, step: 0 },
      { epochs: 12_345, step: 7 },
    ]) {
      expect(parseCheckpointName(checkpointName(place))).toEqual(place);
    }
    expect(parseCheckpointName('epoch-5.safetensors.bak')).toBeUndefined();
  });

  it('come every so many steps of the run and every so many epochs, the newest of each kind are kept', async () => {
    // Of 12 steps: 3 (epoch 1), 6 (2), 9 (3) in the midst of epochs; 4, 8 and 12 end one.
    expect((await readdir(join(whole, 'checkpoints'))).sort()).toEqual([
      'epoch-0001-step-000003.safetensors',
      'epoch-0001.safetensors',
      'epoch-0002-step-000002.safetensors',
      'epoch-0002.safetensors',
      'epoch-0003-step-000001.safetensors',
      'epoch-0003.safetensors',
    ]);
    const reporter = new Recorder();
    await run(data, { saveEverySteps: 1, keep: 2, epochs: 2, model: 'simple-mlp' }, { reporter });
    expect((await readdir(file('checkpoints'))).sort()).toEqual([
      'epoch-0001.safetensors',
      'epoch-0002-step-000002.safetensors',
      'epoch-0002-step-000003.safetensors',
      'epoch-0002.safetensors',
    ]);
  });

  it('change nothing of what a run computes', async () => {
    await run(data, { inputSize: 16, lr: 1e-2 });
    await expectLikeWhole();
    expect(await readdir(path())).not.toContain('checkpoints');
  });

  it('that a kill between two files of a save kept from being written or removed are made good', async () => {
    await copyOfWhole();
    const names = () => readdir(file('checkpoints')).then(names => names.sort());
    const before = await names();
    await cp(file('checkpoints', 'epoch-0002.safetensors'), file('checkpoints', 'epoch-0000.safetensors'));
    await rm(file('checkpoints', 'epoch-0003.safetensors'));
    await resume();
    expect(await names()).toEqual(before);
    const [made, last] = await Promise.all(
      [file('checkpoints', 'epoch-0003.safetensors'), file('last.safetensors')].map(stateOf),
    );
    expect(made).toEqual(last);
  });

  it('in the midst of an epoch are gone on from to the same bits, also when the clock jumps back', async () => {
    await copyOfWhole();
    const state = await stateOf(file('checkpoints', 'epoch-0002-step-000002.safetensors'));
    expect(state.position).toMatchObject({ epochs: 1, step: 2 });
    // As if the run had been killed in its second epoch.
    for (const name of ['last.safetensors', 'summary.json', 'metrics.csv']) await rm(file(name));
    for (const name of ['epoch-0002', 'epoch-0003-step-000001', 'epoch-0003']) {
      await rm(file('checkpoints', `${name}.safetensors`));
    }
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2001-01-01T00:00:00Z') });
    const { reporter, summary } = await resume();
    expect(reporter.started).toMatchObject({ resumedFrom: 1, resumedStep: 2 });
    expect(summary.seconds).toBeGreaterThan(0);
    await expectLikeWhole();
    await expectTidy();
  });
});

describe('a damaged file', () => {
  it('is passed over for the state before it, which is said, and the run ends with the same bits', async () => {
    await copyOfWhole();
    await flipBit('last.safetensors', 0.6);
    await flipBit('checkpoints/epoch-0003.safetensors', 0.0001);
    const { reporter } = await resume();
    expect(reporter.started).toMatchObject({ resumedFrom: 2, resumedStep: 1 });
    const notes = reporter.notes.join('\n');
    expect(notes).toContain(
      'last.safetensors is damaged; the run goes on from checkpoints/epoch-0003-step-000001.safetensors',
    );
    expect(notes).toContain('epoch-0003.safetensors is damaged');
    await expectLikeWhole();
  });

  it('ends a run that has no other, and is left as it is', async () => {
    await copyOfWhole();
    await rm(file('checkpoints'), { recursive: true });
    await flipBit('last.safetensors', 0.6);
    const before = await readFile(file('last.safetensors'));
    await expect(resume()).rejects.toThrow(/last\.safetensors: damaged, and .* has no other state to go on from/);
    expect((await readFile(file('last.safetensors'))).equals(before)).toBe(true);
  });

  it('is passed over for the last state of the epoch before, which every run keeps until it has finished', async () => {
    const plain = { inputSize: 16, lr: 1e-2 };
    const { data: stopping, signal } = abortAtBatch(data, 9);
    await run(stopping, plain, { signal });
    // The state of the end of epoch 1, or 2, is what was the last one before the run was stopped in epoch 3.
    expect((await stateOf(file('previous.safetensors'))).position).toMatchObject({ epochs: 2, step: 0 });
    await flipBit('last.safetensors', 0.6);
    const { reporter } = await run(data, plain, { resume: true });
    expect(reporter.notes.join()).toContain('last.safetensors is damaged; the run goes on from previous.safetensors');
    expect(reporter.started).toMatchObject({ resumedFrom: 2, resumedStep: 0 });
    await expectLikeWhole();
    expect(await readdir(path())).not.toContain('previous.safetensors');
  });

  it('never takes the place of the state before it', async () => {
    const options = { ...saving, saveEverySteps: 1, epochs: 4 };
    const killed = atBatch(data, 9, () => {
      throw new Error('power cut');
    });
    await expect(run(killed, options)).rejects.toThrow('power cut');
    await flipBit('last.safetensors', 0.6);
    await rm(file('checkpoints', 'epoch-0002.safetensors'));
    // The run goes on in the third epoch, and its end is the first to write a last state.
    const { data: stopping, signal } = abortAtBatch(data, 3);
    const { reporter } = await run(stopping, options, { resume: true, signal });
    expect(reporter.started).toMatchObject({ resumedFrom: 2, resumedStep: 1 });
    expect(await readPlace(file('last.safetensors'))).toMatchObject({ epochs: 3, step: 1 });
    expect(await readPlace(file('previous.safetensors'))).toMatchObject({ epochs: 3, step: 0 });
    await readTensorFile(file('previous.safetensors'));
  });

  it.skipIf(process.platform !== 'linux')('may be one that the disk does not give back', async () => {
    await copyOfWhole();
    // Reading it fails with EIO.
    await expect(readTensorFile('/proc/self/mem')).rejects.toThrow(DamagedFile);
    for (const name of ['last.safetensors', 'checkpoints/epoch-0003.safetensors']) {
      await rm(file(name));
      await symlink('/proc/self/mem', file(name));
    }
    const { reporter } = await resume();
    expect(reporter.started).toMatchObject({ resumedFrom: 2, resumedStep: 1 });
    expect(reporter.notes.join('\n')).toContain('epoch-0003.safetensors is damaged');
    expect((await lstat(file('last.safetensors'))).isFile()).toBe(true);
    await expectLikeWhole();
  });

  it.each([
    ['empty', () => new Uint8Array()],
    ['all zeros', (bytes: Uint8Array) => new Uint8Array(bytes.length)],
    ['a part of its length', (bytes: Uint8Array) => bytes.subarray(0, 5)],
    ['without the brace of its header', (bytes: Uint8Array) => bytes.with(8, 0x7a)],
  ])('of best weights that is %s hinders no run that goes on', async (_, damaged) => {
    const { data: stopping, signal } = abortAtBatch(data, 9);
    await run(stopping, saving, { signal });
    await writeFile(file('best.safetensors'), damaged(await readFile(file('best.safetensors'))));
    const { reporter } = await resume();
    expect(reporter.notes.join()).toContain('best.safetensors is damaged');
    expect((await loadWeights(file('best.safetensors'))).info?.model).toBe(reporter.started?.model);
  });

  it('that is the last state of a finished run is written again from the checkpoint of the same place', async () => {
    await copyOfWhole();
    await flipBit('last.safetensors', 0.6);
    await resume();
    await expectLikeWhole();
    await rm(file('last.safetensors'));
    await resume();
    await expectLikeWhole();
  });

  it('of best weights is made again from the state of its epoch, or chosen anew', async () => {
    await copyOfWhole();
    await flipBit('best.safetensors', 0.5);
    const { history } = await stateOf(join(whole, 'last.safetensors'));
    const winner = history!.reduce((a, b) => (b.valAccuracy > a.valAccuracy ? b : a)).epoch;
    await rm(file('last.safetensors'));
    for (const name of await readdir(file('checkpoints'))) {
      const place = parseCheckpointName(name)!;
      if (place.epochs > winner || (place.epochs === winner && place.step > 0)) await rm(file('checkpoints', name));
    }
    const { reporter } = await resume();
    expect(reporter.notes.join()).toContain('best.safetensors is damaged');
    await expectLikeWhole();
  });
});

describe('--from', () => {
  it('goes back; what came later is there until a new state is saved', async () => {
    await copyOfWhole();
    // Saves nothing: it is killed by a fault before.
    const failing = atBatch(data, 1, () => {
      throw new Error('power cut');
    });
    await expect(run(failing, saving, { resume: true, from: 'epoch-0001' })).rejects.toThrow('power cut');
    expect(await readdir(file('checkpoints'))).toContain('epoch-0003.safetensors');
    expect((await (await RunFolder.open(path())).readMetrics()).length).toBe(3);

    const { data: stopping, signal } = abortAtBatch(data, 0);
    const from = 'checkpoints/epoch-0001.safetensors';
    const { reporter } = await run(stopping, saving, { resume: true, from, signal });
    expect(reporter.started).toMatchObject({ resumedFrom: 1, resumedStep: 0 });
    expect((await readdir(file('checkpoints'))).sort()).toEqual([
      'epoch-0001-step-000003.safetensors',
      'epoch-0001.safetensors',
    ]);
    expect((await (await RunFolder.open(path())).readMetrics()).length).toBe(1);
    const again = await resume();
    expect(again.reporter.started).toMatchObject({ resumedFrom: 1, resumedStep: 1 });
    await expectLikeWhole();
  });

  it('takes the new branch, not a later state of the old one, where the run was killed before that was removed', async () => {
    await copyOfWhole();
    const old = await readFile(file('checkpoints', 'epoch-0003.safetensors'));
    const { data: stopping, signal } = abortAtBatch(data, 0);
    await run(stopping, saving, { resume: true, from: 'epoch-0001', signal });
    await writeFile(file('checkpoints', 'epoch-0003.safetensors'), old);
    const { reporter } = await resume();
    expect(reporter.started).toMatchObject({ resumedFrom: 1, resumedStep: 1 });
    await expectLikeWhole();
  });

  it('is not undone by the summary of what came later, where the first state finds no room', async () => {
    await copyOfWhole();
    await fillDisk();
    await expect(run(data, saving, { resume: true, from: 'epoch-0001' })).rejects.toThrow('the disk is full');
    vi.restoreAllMocks();
    expect(await (await RunFolder.open(path())).readSummary()).toBeUndefined();
    await resume();
    await expectLikeWhole();
  });

  it('leaves no state of the old branch behind that the run would go on from', async () => {
    const { data: stopping, signal } = abortAtBatch(data, 9);
    await run(stopping, saving, { signal });
    await stopped('epoch-0001');
    expect(await readdir(path())).not.toContain('previous.safetensors');
    await resume();
    await expectLikeWhole();

    async function stopped(from: string): Promise<void> {
      const { data: stopping, signal } = abortAtBatch(data, 0);
      await run(stopping, saving, { resume: true, from, signal });
    }
  });

  it('names what there is', async () => {
    const { findCheckpoint } = await RunFolder.open(whole).then(run => ({
      findCheckpoint: (name: string) => run.findCheckpoint(name),
    }));
    await expect(findCheckpoint('epoch-0009')).rejects.toThrow(/no such checkpoint; it has epoch-0001-step-000003/);
    expect(await findCheckpoint('last.safetensors')).toBe(join(whole, 'last.safetensors'));
  });
});

describe('a run folder', () => {
  it('is refused to a second process, and taken over from a dead one', async () => {
    await copyOfWhole();
    await rm(file('last.safetensors'));
    const mine = await RunFolder.open(path());
    await mine.lock();
    const theirs = await RunFolder.open(path());
    await expect(theirs.lock()).rejects.toThrow(/is in use/);
    await expect(theirs.requireFree()).rejects.toThrow(`process ${process.pid} trains in it`);
    await expect(RunFolder.create(path(), { force: true })).rejects.toThrow('is in use');
    await mine.unlock();

    // A process that is no more, and one of the number of a living one that began at another time.
    const { host, start } = ownName();
    await writeFile(file(`.lock.${host}.4194999.${start}`), '');
    if (process.platform === 'linux') {
      await writeFile(file(`.lock.${host}.${process.ppid}.${start.replace(/\d+$/, '1')}`), '');
    }
    await writeFile(file('.last.safetensors.4194999.tmp'), 'half');
    await writeFile(file('checkpoints', '.epoch-0003.safetensors.4194999.tmp'), 'half');
    await theirs.lock();
    await theirs.unlock();
    await expectTidy();

    // As versions wrote it that did not tell containers and machines of one name apart.
    const before = file(`.lock.${hostname()}.4194999.${start}`);
    if (process.platform === 'linux') {
      await writeFile(before, '');
      await expect(theirs.lock()).rejects.toThrow(`if it no longer runs, remove ${before}`);
      await rm(before);
    }

    await writeFile(file('.lock.elsewhere.12.0-0'), '');
    await expect(theirs.lock()).rejects.toThrow(/process 12 on elsewhere trains in it; .* remove .*\.lock\.elsewhere/);
  });
});

describe('no room on the disk', () => {
  it.each(['last', 'step'])('for %s leaves every file as it was, says how to go on, and goes on', async what => {
    await run(data, { ...saving, epochs: 1 });
    const names = ['last.safetensors', 'best.safetensors', 'metrics.csv', 'summary.json'];
    const contents = () => Promise.all(names.map(name => readFile(file(name), 'base64')));
    const before = await contents();
    const more = { ...saving, ...(what === 'step' ? {} : { saveEverySteps: 1000, saveEveryEpochs: 1000 }) };
    await fillDisk();
    await expect(run(data, more, { resume: true })).rejects.toThrow(isFull());
    vi.restoreAllMocks();
    expect(await contents()).toEqual(before);
    await expectTidy();
    await resume();
    await expectLikeWhole();
  });

  it('for the best weights leaves the state that they are made from', async () => {
    await fillDisk(1);
    await expect(run(data, { inputSize: 16, lr: 1e-2 })).rejects.toThrow(isFull());
    vi.restoreAllMocks();
    expect(await readdir(path())).not.toContain('best.safetensors');
    await expectTidy();
    const { reporter } = await resume();
    expect(reporter.started).toMatchObject({ resumedFrom: 1, resumedStep: 0 });
    await expectLikeWhole();
  });

  const isFull = () =>
    `safetensors cannot be written: the disk is full. Make room, then go on with: facegrad train --resume ${path()}`;
});

describe('values that are not finite', () => {
  const diverging: Partial<TrainOptions> = { model: 'simple-cnn', optimizer: 'sgd', lr: 1e6, epochs: 2 };

  it('are never saved, and the message names step, learning rate and layer', async () => {
    // The first step moves weights beyond what a float holds, which no loss tells before a state is saved.
    const failing = run(data, { ...diverging, lr: 1e39, saveEverySteps: 1 });
    await expect(failing).rejects.toThrow(
      /the state after step 1 of epoch 1 is not finite: the first bad tensor is \S+\. The learning rate was 1e\+39\. Begin a new run with a smaller --lr; nothing was saved before\./,
    );
    expect(await readdir(path())).not.toContain('checkpoints');
  });

  it('at the end of an epoch are found before its weights are the best', async () => {
    const device = await paths.native();
    const dispatch = device.dispatch.bind(device);
    let updates = 0;
    // An infinite second moment stops a weight where it is, so that nothing else tells.
    vi.spyOn(device, 'dispatch').mockImplementation((call: Dispatch) => {
      const second = call.shader === 'optimizer' ? call.bindings.second : undefined;
      if (second && !device.isRehearsing && ++updates === 4) {
        device.write({ buffer: second.buffer, offset: second.offset, bytes: 4 }, Float32Array.of(Infinity));
      }
      dispatch(call);
    });
    const failing = run(data, { inputSize: 16, lr: 1e-2 });
    await expect(failing).rejects.toThrow(/the state after epoch 1 is not finite: the first bad tensor is optimizer\./);
    vi.restoreAllMocks();
    expect(await readdir(path())).not.toContain('best.safetensors');
    await resume();
    await expectLikeWhole();
  });

  it('in a validation alone are found there', async () => {
    // The only step moves the weights beyond what a float holds, and no later loss tells.
    const failing = run(data, { ...diverging, lr: 1e38, batchSize: 60 });
    await expect(failing).rejects.toThrow(
      /the validation loss is not finite after step 1 of epoch 1: the first bad tensor is .*(parameter|output of).*smaller --lr/,
    );
  });
});
