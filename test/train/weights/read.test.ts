import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSafeTensors, encodeSafeTensors, type HostTensor } from '../../../src/interop/safetensors.js';
import { loadWeights } from '../../../src/train/checkpoint.js';
import { convertWeights } from '../../../src/train/weights/convert.js';
import { readWeightsFile } from '../../../src/train/weights/read.js';
import { UserError } from '../../../src/util/errors.js';
import {
  floats,
  int,
  legacyFile,
  named,
  pickle,
  storage,
  tensor,
  vector,
  type Pickled,
} from '../../interop/pytorch/write-pickle.js';
import { torchFile } from '../../interop/pytorch/write-zip.js';

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-weights-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const four = floats(1, 2, 3, 4);
const count = tensor(storage('LongStorage', 'n', 1), [], []);
const storages = { 0: four, n: new Uint8Array(BigInt64Array.of(7n).buffer) };
const F32 = (...values: number[]): HostTensor => ({
  dtype: 'F32',
  shape: [values.length],
  data: Float32Array.from(values),
});

async function writeTorch(name: string, state: Readonly<Record<string, Pickled>>): Promise<string> {
  await writeFile(at(name), torchFile(pickle(named(state)), storages));
  return at(name);
}

async function writeText(name: string, text: string): Promise<string> {
  await writeFile(at(name), text);
  return at(name);
}

async function writeSafe(name: string, tensors: Record<string, HostTensor>, metadata = {}): Promise<string> {
  await writeFile(at(name), encodeSafeTensors({ tensors: new Map(Object.entries(tensors)), metadata }));
  return at(name);
}

describe('readWeightsFile', () => {
  it('tells formats by their content, whatever the name', async () => {
    const torch = await readWeightsFile(await writeTorch('a.safetensors', { w: vector('0', 4) }));
    expect(torch).toEqual({ format: 'pytorch', tensors: new Map([['w', F32(1, 2, 3, 4)]]), metadata: {} });
    await writeFile(at('old.bin'), legacyFile(named({ w: vector('0', 4) }), [['0', 4, four]]));
    expect((await readWeightsFile(at('old.bin'))).tensors).toEqual(torch.tensors);
    const safe = await readWeightsFile(await writeSafe('a.pth', { w: F32(1, 2, 3, 4) }, { k: 'v' }));
    expect(safe).toEqual({ format: 'safetensors', tensors: torch.tensors, metadata: { k: 'v' } });
  });

  it('leaves `module.` out of names, in both formats', async () => {
    const torch = await writeTorch('m.pth', { 'module.a.module.w': vector('0', 4), 'module.module.b': vector('0', 4) });
    expect([...(await readWeightsFile(torch)).tensors.keys()]).toEqual(['a.module.w', 'b']);
    expect([
      ...(await readWeightsFile(await writeSafe('m.safetensors', { 'module.w': F32(1) }))).tensors.keys(),
    ]).toEqual(['w']);
  });

  it.each<[string, () => Promise<string>, string]>([
    ['a name twice', () => writeTorch('t.pth', { w: vector('0', 4), 'module.w': vector('0', 4) }), 't.pth has w twice'],
    ['no file', () => Promise.resolve(at('none.pth')), 'none.pth: no such file'],
    ['a folder', () => Promise.resolve(folder), 'cannot be read'],
    ['a damaged archive', () => writeText('d.pth', 'PK\u0003\u0004 and no more'), 'd.pth: the archive is damaged'],
    [
      'another kind of file',
      () => writeText('x.pth', '<html>not found</html>'),
      'x.pth is neither a safetensors file nor one that torch.save wrote',
    ],
    ['an empty file', () => writeText('e.pth', ''), 'e.pth is neither'],
  ])('refuses %s', async (_, path, message) => {
    const error: unknown = await readWeightsFile(await path()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toContain(message);
  });
});

describe('loadWeights', () => {
  it('gives float32 whatever type the weights have, and leaves the count of batches', async () => {
    const path = await writeSafe('types.safetensors', {
      half: { dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0xc000) },
      brain: { dtype: 'BF16', shape: [1], data: Uint16Array.of(0x3f80) },
      double: { dtype: 'F64', shape: [1], data: Float64Array.of(0.1) },
      'bn.num_batches_tracked': { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) },
    });
    const { state, info } = await loadWeights(path);
    expect(info).toBeUndefined();
    expect(Object.fromEntries(state)).toEqual({
      half: F32(1, -2),
      brain: F32(1),
      double: F32(0.1),
      'bn.num_batches_tracked': { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) },
    });
  });

  it('refuses weights that are integers', async () => {
    const path = await writeSafe('int.safetensors', { w: { dtype: 'I8', shape: [1], data: Int8Array.of(1) } });
    await expect(loadWeights(path)).rejects.toThrow('w is of type I8; weights are real numbers');
  });
});

describe('convertWeights', () => {
  it('writes what torch.save wrote as safetensors, in its own types', async () => {
    const from = await writeTorch('c.pth', { 'module.w': vector('0', 4), n: count });
    const result = await convertWeights(from, at('c.safetensors'));
    const bytes = await readFile(at('c.safetensors'));
    expect(result).toEqual({
      from,
      format: 'pytorch',
      to: at('c.safetensors'),
      tensors: 2,
      values: 5,
      bytes: bytes.length,
    });
    const { tensors, metadata } = decodeSafeTensors(bytes);
    expect(metadata).toMatchObject({ format: 'pt' });
    expect(Object.fromEntries(tensors)).toEqual({
      w: F32(1, 2, 3, 4),
      n: { dtype: 'I64', shape: [], data: BigInt64Array.of(7n) },
    });
  });

  it('rounds to a type, but integers; keeps metadata, and no state of training', async () => {
    const from = await writeSafe(
      'check.safetensors',
      { w: F32(1, 1 + 2 ** -12), n: { dtype: 'I32', shape: [1], data: Int32Array.of(3) }, 'optimizer.m.w': F32(5, 6) },
      { facegrad: '{"model":"x"}', training: '{}' },
    );
    await convertWeights(from, at('half.safetensors'), { dtype: 'F16' });
    const { tensors, metadata } = await readWeightsFile(at('half.safetensors'));
    expect(Object.fromEntries(tensors)).toEqual({
      w: { dtype: 'F16', shape: [2], data: Uint16Array.of(0x3c00, 0x3c00) },
      n: { dtype: 'I32', shape: [1], data: Int32Array.of(3) },
    });
    expect(metadata).toEqual({ facegrad: '{"model":"x"}', format: 'pt' });
  });

  it('replaces a file only when told to, and refuses other formats and values that do not fit', async () => {
    const from = await writeSafe('big.safetensors', { w: F32(1e5) });
    const to = at('there.safetensors');
    await writeFile(to, 'mine');
    await expect(convertWeights(from, to)).rejects.toThrow('there.safetensors is there already; --force replaces it');
    expect(await readFile(to, 'utf8')).toBe('mine');
    await expect(convertWeights(from, to, { dtype: 'F16', force: true })).rejects.toThrow(
      'w: the value 100000 is beyond F16',
    );
    expect(await readFile(to, 'utf8')).toBe('mine');
    await convertWeights(from, to, { force: true });
    expect((await readWeightsFile(to)).tensors).toEqual(new Map([['w', F32(1e5)]]));
    await expect(convertWeights(from, at('b.pth'))).rejects.toThrow('facegrad writes safetensors');
    const state = await writeTorch('no.pth', { w: int(1) });
    await expect(convertWeights(state, at('no.safetensors'))).rejects.toThrow("'w' is a number, not a tensor");
  });
});
