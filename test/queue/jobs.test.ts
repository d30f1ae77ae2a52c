import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { choiceFault, planSlots, PROTOCOL, Store } from '../../src/queue/index.js';
import { DataRoots } from '../../src/queue/data-root.js';
import { localOptions, portableOptions, translatorOf } from '../../src/queue/places.js';
import { laneId, parseLane, parseOutcome, parseTask, type Lane, type Task } from '../../src/queue/protocol.js';
import type { TrainOptions } from '../../src/train/types.js';

let folder: string;
let store: Store;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-jobs-'));
  for (const path of ['store/data', 'a/deep/er', 'b/votes']) await mkdir(join(folder, path), { recursive: true });
  for (const path of ['store/data/raf.zip', 'a/deep/er/fer.csv', 'b/fer.csv', 'b/votes/new.csv', 'a/new.csv']) {
    await writeFile(join(folder, path), '');
  }
  store = await Store.open(join(folder, 'store'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const options: TrainOptions = {
  ...{ model: 'simple-mlp', data: '/far/away/fer.csv', epochs: 1, batchSize: 1, lr: 1, optimizer: 'adam', seed: 0 },
  ...{ weightDecay: 0, momentum: 0, nesterov: false },
};

const task: Task = {
  ...{ protocol: PROTOCOL, facegrad: '1.0.0', title: 'a run', run: 'runs/a', comment: '', test: true, evaluate: false },
  data: { title: 'faces', fingerprint: 'f' },
  options: { ...options, data: 'fer.csv' },
  files: { data: { name: 'fer.csv' } },
};

describe('a job', () => {
  it('is what it was after its way through JSON', () => {
    expect(parseTask(JSON.parse(JSON.stringify(task)), '1.0.0')).toEqual(task);
  });

  it.each<[string, unknown, string]>([
    ['nothing', null, 'a job is not as protocol 1 has it'],
    ['of a later version', { ...task, facegrad: '2.0.0' }, 'enqueued by facegrad 2.0.0, and this worker is 1.0.0'],
    ['of a later protocol, whatever is in it', { protocol: 2, facegrad: '1.0.0' }, '(protocol 2, here 1)'],
    ['with a field that nobody knows', { ...task, shell: 'rm' }, 'Unrecognized key: "shell"'],
    ['with options that are none', { ...task, options: { ...task.options, epochs: -1 } }, 'options.epochs'],
    ['that leads out of the store', { ...task, run: 'runs/../../a' }, 'run: it is not a path in the store'],
    ['of a folder of this machine', { ...task, run: '/etc' }, 'run: it is not a path in the store'],
    ['whose weights lie elsewhere', { ...task, init: '../weights' }, 'init: it is not a path in the store'],
    ['whose data are a path', { ...task, files: { data: { name: '../fer.csv' } } }, 'it is not the name of a file'],
  ])('%s is refused', (_what, data, text) => {
    expect(() => parseTask(data, '1.0.0')).toThrow(text);
  });

  it('has an outcome that is checked too', () => {
    expect(parseOutcome({ outcome: 'stopped' })).toEqual({ outcome: 'stopped' });
    expect(() => parseOutcome({ outcome: 'complete', rows: [{ epoch: 1 }] })).toThrow('what came of a job');
  });

  it('waits with those that need the same, and not with those of another version or other data', () => {
    const lane: Lane = { protocol: PROTOCOL, facegrad: '1.0.0', store: 's', data: task.data, files: task.files };
    const { files, data, store: id, facegrad, protocol } = lane;
    expect(laneId({ files, data, store: id, facegrad, protocol })).toBe(laneId(lane));
    for (const change of [{ facegrad: '1.0.1' }, { store: 't' }, { data: { title: 'faces', fingerprint: 'g' } }]) {
      expect(laneId({ ...lane, ...change })).not.toBe(laneId(lane));
    }
    expect(parseLane(JSON.stringify(lane), '1.0.0')).toEqual(lane);
    expect(() => parseLane('{', '1.0.0')).toThrow('is not JSON');
    expect(() => parseLane(JSON.stringify(lane), '0.9.0')).toThrow('install the same version on both');
  });
});

describe('the paths of a job', () => {
  it('are names, but in the store, and this machine’s where it is run', async () => {
    const given: TrainOptions = {
      ...options,
      labels: '/far/away/new.csv',
      init: join(folder, 'store', 'weights.safetensors'),
      joint: { data: join(folder, 'store', 'data', 'raf.zip'), share: 0.5, exclude: '/far/list.csv' },
    };
    await writeFile(given.init!, '');
    const portable = await portableOptions(given, store);
    expect(JSON.stringify(portable)).not.toMatch(/far|tmp/);
    expect(portable).toMatchObject({
      options: { data: 'fer.csv', labels: 'new.csv', init: 'weights.safetensors', joint: { data: 'raf.zip' } },
      files: { data: { name: 'fer.csv' }, 'joint.data': { name: 'raf.zip', stored: 'data/raf.zip' } },
      init: 'weights.safetensors',
    });
    await writeFile(join(folder, 'b', 'list.csv'), '');
    const { choices } = await new DataRoots([join(folder, 'b')], store).locate(portable.files);
    expect(localOptions(portable, choices[0]!, store)).toEqual({
      ...given,
      data: join(folder, 'b', 'fer.csv'),
      labels: join(folder, 'b', 'votes', 'new.csv'),
      init: store.resolve('weights.safetensors'),
      joint: { data: store.resolve('data/raf.zip'), share: 0.5, exclude: join(folder, 'b', 'list.csv') },
    });
  });

  it('that a worker wrote are this machine’s where they mean the same, and only there', async () => {
    const init = store.resolve('runs/a/best.safetensors');
    await mkdir(store.resolve('runs/a'), { recursive: true });
    await writeFile(init, '');
    await symlink(init, store.resolve('link.safetensors'));
    const own: TrainOptions = {
      ...{ ...options, init: store.resolve('link.safetensors') },
      joint: { data: '/here/raf.zip', share: 0.5, labels: '/here/new.csv' },
    };
    const translate = translatorOf(store);
    const written = {
      ...{ ...own, data: '/there/fer.csv', init: '/mnt/runs/a/best.safetensors' },
      joint: { data: '/there/raf.zip', share: 0.5, labels: '/there/new.csv' },
    };
    expect(await translate(written, own)).toEqual(own);
    expect(await translate({ ...written, init }, own)).toEqual(own);
    const others = {
      ...{ ...written, init: store.resolve('runs/b/runs/a/best.safetensors') },
      joint: { ...written.joint, data: '/there/ferplus.zip' },
    };
    expect(await translate(others, own)).toMatchObject({
      ...{ init: others.init, joint: { data: '/there/ferplus.zip', labels: '/here/new.csv' } },
    });
    expect((await translate({ ...written, init: '/mnt/runs/b/best.safetensors' }, own)).init).toContain('/mnt/');
  });

  it('that only this machine knows are refused', async () => {
    await expect(portableOptions({ ...options, init: join(folder, 'a', 'new.csv') }, store)).rejects.toThrow(
      /--init .* lies outside --store/,
    );
    await expect(store.require('--out', join(folder, 'a'))).rejects.toThrow('--out');
    await expect(store.require('--out', join(folder, 'store'))).rejects.toThrow('--out');
    expect(await store.require('--out', join(folder, 'store', 'not', 'yet'))).toBe('not/yet');
  });

  it('are looked for below each folder of data, the likelier first, and what is missing is named', async () => {
    const roots = new DataRoots([join(folder, 'a'), join(folder, 'b')], store);
    const { choices } = await roots.locate({ data: { name: 'fer.csv' }, labels: { name: 'new.csv' } });
    expect(choices.map(paths => [paths.get('data'), paths.get('labels')])).toEqual([
      [join(folder, 'a', 'deep', 'er', 'fer.csv'), join(folder, 'a', 'new.csv')],
      [join(folder, 'b', 'fer.csv'), join(folder, 'a', 'new.csv')],
    ]);
    const missing = await roots.locate({ data: { name: 'fer.csv' }, exclude: { name: 'gone.csv' } });
    expect(missing).toEqual({ choices: [], missing: ['gone.csv'] });
  });
});

describe('a store', () => {
  it('is the same folder under another path, and no other one', async () => {
    const again = await Store.open(join(folder, 'a', '..', 'store'));
    expect(again.id).toBe(store.id);
    expect((await Store.open(join(folder, 'b'))).id).not.toBe(store.id);
    await expect(Store.open(join(folder, 'nowhere'))).rejects.toThrow('is it mounted?');
    await writeFile(join(folder, 'a', '.facegrad-store'), 'nonsense');
    await expect(Store.open(join(folder, 'a'))).rejects.toThrow('is not as facegrad writes it');
  });

  it('is the same for two that begin at once, where one has created the mark and not yet written it', async () => {
    const path = join(folder, 'new');
    await mkdir(path);
    await writeFile(join(path, '.facegrad-store'), '');
    const opened = Store.open(path);
    await sleep(50);
    await writeFile(join(path, '.facegrad-store'), `${store.id}\n`);
    expect((await opened).id).toBe(store.id);
  });
});

describe('the processes of a worker', () => {
  const gpu = (name: string, backend = 'vulkan') => ({ backend, name });
  const software = gpu('llvmpipe (LLVM 15.0.6, 256 bits)');

  it('are one for each GPU, whatever its backends, and on software only where there is none', () => {
    const adapters = [gpu('A'), gpu('B'), software, gpu('A', 'opengl')];
    expect(planSlots(adapters, {}, 1)).toEqual([
      { adapter: 'A', backend: 'vulkan', env: {} },
      { adapter: 'B', backend: 'vulkan', env: {} },
    ]);
    expect(planSlots([software], {}, 2)).toHaveLength(2);
    expect(planSlots(adapters, { backend: 'opengl' }, 1)).toEqual([{ adapter: 'A', backend: 'opengl', env: {} }]);
    expect(planSlots(adapters, { adapter: 'llvmpipe' }, 1)).toEqual([
      { adapter: 'llvmpipe', backend: undefined, env: {} },
    ]);
    expect(planSlots([], {}, 1)).toEqual([{ adapter: undefined, backend: undefined, env: {} }]);
  });

  it('of GPUs of one name choose each another one, or say that they cannot', () => {
    const four = [gpu('A'), gpu('A'), gpu('A'), gpu('A')];
    expect(planSlots(four, {}, 1).map(({ env }) => env)).toEqual([
      {},
      { DRI_PRIME: '1!' },
      { DRI_PRIME: '2!' },
      { DRI_PRIME: '3!' },
    ]);
    expect(choiceFault(four, { adapter: 'A' }, { DRI_PRIME: '1!' })).toContain('4 adapters are called A');
    expect(choiceFault([gpu('A')], { adapter: 'A' }, { DRI_PRIME: '1!' })).toBeUndefined();
    expect(choiceFault(four, { adapter: 'A' }, {})).toBeUndefined();
  });
});
