/** Files that PyTorch 1.13 wrote: make_fixtures.py says how. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodePyTorch } from '../../../src/interop/pytorch/index.js';
import type { HostTensor } from '../../../src/interop/safetensors.js';

const read = (name: string) => decodePyTorch(readFileSync(new URL(`fixtures/${name}.pth`, import.meta.url)), name);

const f32 = (shape: number[], ...values: number[]): HostTensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
});

describe('decodePyTorch of files that PyTorch wrote', () => {
  it.each(['kinds', 'kinds-protocol4', 'kinds-legacy'])('reads each type of element: %s', async name => {
    expect([...(await read(name))]).toEqual([
      ['f32', f32([2, 3], 1.5, -2, 3.25, 0, Infinity, -0)],
      ['f64', { dtype: 'F64', shape: [2], data: Float64Array.of(0.1, 1e300) }],
      ['f16', { dtype: 'F16', shape: [3], data: Uint16Array.of(0x3c00, 0xc100, 1) }],
      ['bf16', { dtype: 'BF16', shape: [2], data: Uint16Array.of(0x3f80, 0xff62) }],
      ['i64', { dtype: 'I64', shape: [], data: BigInt64Array.of(123456789012n) }],
      ['i32', { dtype: 'I32', shape: [2], data: Int32Array.of(-7, 7) }],
      ['i16', { dtype: 'I16', shape: [1], data: Int16Array.of(-300) }],
      ['i8', { dtype: 'I8', shape: [2], data: Int8Array.of(-1, 1) }],
      ['u8', { dtype: 'U8', shape: [3], data: Uint8Array.of(200, 1, 2) }],
      ['flag', { dtype: 'BOOL', shape: [2], data: Uint8Array.of(1, 0) }],
      ['empty', f32([0, 4])],
    ]);
  });

  it.each(['views', 'views-legacy'])('reads strided, expanded and shared storages: %s', async name => {
    expect([...(await read(name))]).toEqual([
      ['base', f32([3, 4], 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)],
      ['transposed', f32([4, 3], 0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11)],
      ['column', f32([3], 1, 5, 9)],
      ['step', f32([2, 2], 1, 3, 9, 11)],
      ['expanded', f32([2, 3], 5, 5, 5, 6, 6, 6)],
      ['tail', f32([3], 9, 10, 11)],
    ]);
  });

  it('takes the state dict of a checkpoint, with its count of batches', async () => {
    const state = await read('checkpoint');
    expect([...state.keys()]).toEqual([
      'module.0.weight',
      ...['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'].map(name => `module.1.${name}`),
    ]);
    expect(state.get('module.0.weight')).toEqual(f32([2, 1, 3, 3], ...Array.from({ length: 18 }, (_, i) => i / 4)));
    expect(state.get('module.1.num_batches_tracked')).toEqual({ dtype: 'I64', shape: [], data: BigInt64Array.of(2n) });
  });

  it('takes parameters, under `model`', async () => {
    expect([...(await read('parameters'))]).toEqual([
      ['weight', f32([2], 1, 1)],
      ['bias', f32([2], -0.0009999999310821295, -0.0009999999310821295)],
    ]);
  });

  it('refuses a whole module by the name of its class', async () => {
    await expect(read('module')).rejects.toThrow(
      'module: the pickle asks for torch.nn.modules.container.Sequential, which is no part of a state dict',
    );
  });
});
