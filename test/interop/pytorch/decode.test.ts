import { describe, expect, it } from 'vitest';
import { decodePyTorch, looksLikePyTorch } from '../../../src/interop/pytorch/index.js';
import { UserError } from '../../../src/util/errors.js';
import {
  bool,
  call,
  concat,
  floats,
  global,
  int,
  legacyFile,
  list,
  long,
  named,
  none,
  orderedDict,
  persistent,
  pickle,
  storage,
  tensor,
  text,
  tuple,
  vector,
  type Pickled,
} from './write-pickle.js';
import { torchEntries, torchFile, zip, type ZipEntry } from './write-zip.js';

const MiB = 1024 * 1024;
const four = floats(1, 2, 3, 4);

/** What is read of a state dict with storages of four numbers called 0 and 1. */
const read = (value: Pickled) => decodePyTorch(torchFile(pickle(value), { 0: four, 1: four }), 'a.pth');
const readBytes = (...bytes: number[]) => decodePyTorch(torchFile(Uint8Array.from(bytes), { 0: four }), 'a.pth');
const valuesOf = async (value: Pickled) =>
  Object.fromEntries([...(await read(value))].map(([name, { data }]) => [name, [...data]]));

async function expectRefusal(work: Promise<unknown>, message: string): Promise<void> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toContain(message);
  expect((error as Error).message).toMatch(/^a\.pth: /);
}

describe('decodePyTorch', () => {
  it('reads what its writer wrote, in both formats', async () => {
    const state = named({ a: vector('0', 4), b: tensor(storage('FloatStorage', '0', 4), [2], [2], 1) });
    expect(await valuesOf(state)).toEqual({ a: [1, 2, 3, 4], b: [2, 4] });
    const legacy = await decodePyTorch(legacyFile(state, [['0', 4, four]]));
    expect([...legacy.get('b')!.data]).toEqual([2, 4]);
  });

  it('finds the state dict in its usual places, and prefers tensors to what lies beside them', async () => {
    const state = named({ w: vector('0', 4) });
    for (const key of ['state_dict', 'model', 'model_state_dict']) {
      expect(await valuesOf(named({ epoch: int(3), [key]: state, args: none }))).toEqual({ w: [1, 2, 3, 4] });
    }
    expect(await valuesOf(named({ model: named({ state_dict: state }) }))).toEqual({ w: [1, 2, 3, 4] });
    // A network whose part is called `model` has a tensor or nothing there.
    expect(await valuesOf(named({ model: vector('0', 4) }))).toEqual({ model: [1, 2, 3, 4] });
  });

  it('reads an ordered dict of pairs with attributes, as Python 2 wrote it', async () => {
    const pairs = list(list(text('w'), vector('0', 4)));
    const attributes = [...named({ _metadata: orderedDict }), 'b'.charCodeAt(0)];
    expect(await valuesOf([...call(global('collections', 'OrderedDict'), pairs), ...attributes])).toEqual({
      w: [1, 2, 3, 4],
    });
  });

  it('reads views of parts of storages in the older format', async () => {
    const part = storage('FloatStorage', '0', 4, tuple(text('1'), int(2), int(2)));
    const file = legacyFile(named({ w: tensor(part, [2], [1]) }), [['0', 4, four]]);
    expect([...(await decodePyTorch(file)).get('w')!.data]).toEqual([3, 4]);
  });

  it('reads parameters and compressed archives', async () => {
    const parameter = call(global('torch._utils', '_rebuild_parameter'), vector('0', 4), bool(true), orderedDict);
    const entries = torchEntries(pickle(named({ w: parameter })), { 0: four });
    const packed = zip(entries.map(entry => ({ ...entry, deflate: true })));
    expect([...(await decodePyTorch(packed)).get('w')!.data]).toEqual([1, 2, 3, 4]);
  });

  it('gives copies: tensors of one storage do not share memory, nor with the file', async () => {
    const file = torchFile(pickle(named({ a: vector('0', 4), b: vector('0', 4) })), { 0: four });
    const state = await decodePyTorch(file);
    file.fill(0);
    (state.get('a')!.data as Float32Array)[0] = 9;
    expect([...state.get('b')!.data]).toEqual([1, 2, 3, 4]);
  });
});

describe('what a pickle may not name', () => {
  it.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['builtins', 'eval'],
    ['torch', 'load'],
    ['torch._utils', '_rebuild_sparse_tensor'],
    ['torch', 'ComplexFloatStorage'],
    ['__proto__', 'constructor'],
  ])('%s.%s', async (module, name) => {
    const message = `the pickle asks for ${module}.${name}, which is no part of a state dict; it was refused`;
    await expectRefusal(read(call(global(module, name), text('touch /tmp/x'))), message);
    await expectRefusal(read(named({ w: vector('0', 4), extra: global(module, name) })), message);
    const [m, n] = [text(module), text(name)];
    await expectRefusal(read([...m, ...n, 0x93]), message);
    const legacy = legacyFile(call(global(module, name), text('ls')), []);
    await expectRefusal(decodePyTorch(legacy, 'a.pth'), message);
  });

  it('shows no control characters of a name, nor more than a line of it', async () => {
    await expectRefusal(read(global('os\u001b[2J', 'x'.repeat(5000))), 'asks for os\\u001b[2J.xxx');
    const error = await read(global('os', 'x'.repeat(5000))).catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message.length).toBeLessThan(400);
  });
});

describe('pickles that are no state dicts', () => {
  const weights = storage('FloatStorage', '0', 4);
  const rebuild = (...args: Pickled[]) => call(global('torch._utils', '_rebuild_tensor_v2'), ...args);
  it.each<[string, Pickled, string]>([
    ['a tensor alone', vector('0', 4), 'it holds a tensor instead of a state dict'],
    ['a list', list(vector('0', 4)), 'it holds a list instead of a state dict'],
    ['a storage', weights, 'it holds a storage instead'],
    ['nothing', none, 'it holds None instead'],
    ['a dict without entries', named({}), 'the state dict is empty'],
    ['a number among tensors', named({ w: vector('0', 4), n: int(3) }), "'n' is a number, not a tensor"],
    [
      'a name that is a number',
      named({})
        .slice(0, 2)
        .concat([...int(1), ...vector('0', 4), 0x75]),
      'has a number among its names',
    ],
    [
      'a name that comes twice',
      [0x7d, 0x28, ...text('w'), ...vector('0', 4), ...text('w'), ...vector('1', 4), 0x75],
      "has the key 'w' twice",
    ],
    ['a tensor past its storage', named({ w: tensor(weights, [5], [1]) }), 'reaches element 4 of a storage of 4'],
    ['a tensor past its storage by an offset', named({ w: tensor(weights, [4], [1], 1) }), 'reaches element 4'],
    ['a tensor past its storage by strides', named({ w: tensor(weights, [2, 2], [3, 1]) }), 'reaches element 4'],
    ['a negative size', named({ w: tensor(weights, [-1], [1]) }), 'built of other things'],
    ['a negative stride', named({ w: tensor(weights, [2], [-1], 3) }), 'built of other things'],
    ['too few strides', named({ w: tensor(weights, [2, 2], [2]) }), 'another number of strides'],
    ['no storage in a tensor', named({ w: tensor(none, [1], [1]) }), 'built of other things'],
    [
      'a negated view',
      named({
        w: rebuild(weights, int(0), tuple(int(4)), tuple(int(1)), bool(false), orderedDict, named({ neg: bool(true) })),
      }),
      'lazily negated',
    ],
    [
      'a parameter of no tensor',
      named({ w: call(global('torch._utils', '_rebuild_parameter'), none) }),
      'a parameter is built of',
    ],
    [
      'another kind of reference',
      named({ w: persistent(tuple(text('module'), none)) }),
      'refers to what is no storage',
    ],
    ['a reference to a text', named({ w: persistent(text('0')) }), 'refers to what is no storage'],
    [
      'a storage of two types',
      named({ a: vector('0', 4), b: tensor(storage('IntStorage', '0', 4), [4], [1]) }),
      'with two types or lengths',
    ],
    [
      'a storage that is not there',
      named({ w: tensor(storage('FloatStorage', '7', 4), [4], [1]) }),
      "lacks its file 'data/7'",
    ],
    [
      'a storage outside the archive',
      named({ w: tensor(storage('FloatStorage', '../version', 1), [1], [1]) }),
      "lacks its file 'data/../version'",
    ],
    [
      'a storage of another length',
      named({ w: vector('0', 5) }),
      "truncated: the storage '0' holds 16 bytes and needs 20",
    ],
    ['a call of a dict', call(named({})), 'calls what is no function'],
    [
      'a call without a tuple',
      [...global('collections', 'OrderedDict'), ...none, 0x52],
      'without a tuple of arguments',
    ],
    ['an odd number of items', [0x7d, 0x28, ...text('w'), 0x75], 'a key without a value'],
    ['attributes of a list', [...list(), ...none, 0x62], 'sets attributes of what is no dict'],
    ['items of a list', [...list(), ...none, ...none, 0x73], 'sets items of what is no dict'],
    ['an element of a dict', [...named({}), ...none, 0x61], 'appends to what is no list'],
    ['two values', [...none, ...none], 'more or less than one value'],
    ['an open mark', [0x28, ...none], 'more or less than one value'],
    ['a long integer', [0x8a, 65, ...new Array<number>(65).fill(1)], 'an integer of 65 bytes'],
  ])('%s', async (_, value, message) => {
    await expectRefusal(read(value), message);
  });

  it.each<[string, number[], string]>([
    ['no bytes', [], 'ends early, at byte 0'],
    ['no pickle', [1, 2, 3], 'not a pickle of protocol 2'],
    ['protocol 9', [0x80, 9, 0x4e, 0x2e], 'a pickle of protocol 9'],
    ['no end', [0x80, 2, 0x4e], 'ends early, at byte 3'],
    ['half a number', [0x80, 2, 0x4a, 1], 'ends early'],
    ['an endless text', [0x80, 4, 0x8d, ...new Array<number>(8).fill(0xff)], 'ends early'],
    ['an endless line', [0x80, 2, 0x63, 0x61], 'ends early'],
    ['an unknown opcode', [0x80, 2, 0xff], 'byte 2 of the pickle is the opcode 0xff'],
    ['an opcode that builds objects', [0x80, 2, 0x29, 0x81], 'byte 3 of the pickle is the opcode 0x81'],
    ['an empty stack', [0x80, 2, 0x30], 'takes more from its stack'],
    ['a missing mark', [0x80, 2, 0x74], 'closes what it did not open'],
    ['a value never kept', [0x80, 2, 0x68, 5], 'recalls a value 5'],
  ])('%s', async (_, bytes, message) => {
    await expectRefusal(readBytes(...bytes), message);
  });
});

describe('archives that are refused', () => {
  const state = pickle(named({ w: vector('0', 4) }));
  const entries = torchEntries(state, { 0: four });
  const changed = (name: string, change: Partial<ZipEntry>) =>
    zip(entries.map(entry => (entry.name === `archive/${name}` ? { ...entry, ...change } : entry)));
  const bytes = (text: string) => new TextEncoder().encode(text);
  it.each<[string, Uint8Array, string]>([
    ['one without a pickle', zip([{ name: 'a/b.txt', data: four }]), 'a zip archive with 0 files called data.pkl'],
    ['one with two', zip([...entries, { name: 'b/data.pkl', data: state }]), 'with 2 files called data.pkl'],
    ['a file twice', zip([...entries, entries[1]!]), "has the file 'archive/data/0' twice"],
    [
      'a TorchScript program',
      zip([...entries, { name: 'archive/constants.pkl', data: state }]),
      'a TorchScript program',
    ],
    ['a big-endian one', zip([...entries, { name: 'archive/byteorder', data: bytes('big') }]), 'a big-endian machine'],
    ['a name that leads out', zip([...entries, { name: '../x', data: four }]), 'invalid relative path'],
    ['an encrypted one', changed('data/0', { deflate: true, flags: 1 }), 'an encrypted archive'],
    ['a wrong checksum', changed('data/0', { crc: 1 }), 'data/0 is damaged: the checksum is wrong'],
    ['a storage cut short', changed('data/0', { data: four.subarray(0, 12) }), 'truncated: the storage'],
    [
      'a size that is not true',
      changed('data/0', { deflate: true, data: floats(1, 2, 3), size: 16 }),
      'damaged or ends too early',
    ],
    [
      'more than it says',
      changed('data/0', { deflate: true, data: new Uint8Array(17), size: 16 }),
      'damaged or ends too early',
    ],
    ['a giant pickle', changed('data.pkl', { deflate: true, size: 2 ** 31 }), 'data.pkl has 2147483648 bytes'],
    ['one cut short', torchFile(state, { 0: four }).subarray(0, 300), 'damaged or ends too early'],
    ['one that begins only', Uint8Array.of(0x50, 0x4b, 3, 4), 'damaged or ends too early'],
  ])('%s', async (_, file, message) => {
    await expectRefusal(decodePyTorch(file, 'a.pth'), message);
  });
});

describe('files of the older format that are refused', () => {
  const state = named({ w: vector('0', 4) });
  const good = legacyFile(state, [['0', 4, four]]);
  it.each<[string, Uint8Array, string]>([
    ['one cut short', good.subarray(0, good.length - 1), 'truncated: a storage needs 16 bytes, the file has 15 left'],
    ['one without storages', good.subarray(0, good.length - 24), 'truncated: the file ends before its last tensor'],
    ['a storage of another length', legacyFile(state, [['0', 3, four]]), 'holds 3 elements where its tensors need 4'],
    ['a storage missing', legacyFile(state, []), 'lacks a storage of its tensors'],
    [
      'a storage twice',
      legacyFile(state, [
        ['0', 4, four],
        ['0', 4, four],
      ]),
      'has a storage twice',
    ],
    ['a storage of nothing', legacyFile(state, [['9', 4, four]]), 'a storage that none of its tensors uses'],
    ['another pickle', pickle(named({})), 'a pickle, but not one that torch.save wrote'],
    ['another protocol', concat([good.subarray(0, 15), pickle(int(1000))]), 'with a protocol that is not 1001'],
    [
      'a part of a storage beyond it',
      legacyFile(named({ w: tensor(storage('FloatStorage', '0', 4, tuple(text('1'), int(2), int(3))), [1], [1]) }), []),
      'reaches beyond it',
    ],
  ])('%s', async (_, file, message) => {
    expect([...pickle(long(0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19))]).toHaveLength(15);
    await expectRefusal(decodePyTorch(file, 'a.pth'), message);
  });
});

describe('bombs', () => {
  it('archives that unfold to much more than they are', async () => {
    const zeros = new Uint8Array(40 * MiB);
    const value = named({ w: tensor(storage('FloatStorage', '0', 10 * MiB), [1], [1]) });
    const entries = torchEntries(pickle(value), { 0: zeros }).map(entry => ({ ...entry, deflate: true }));
    await expectRefusal(decodePyTorch(zip(entries), 'a.pth'), 'such a file is not unpacked');
  });

  it('tensors that repeat a few numbers', async () => {
    const one = tensor(storage('FloatStorage', '0', 4), [30_000, 30_000], [0, 0]);
    await expectRefusal(read(named({ w: one })), 'the tensors need more than');
    const many = Object.fromEntries(
      Array.from({ length: 200 }, (_, i) => [`w${i}`, tensor(storage('FloatStorage', '0', 4), [2 ** 16], [0])]),
    );
    await expectRefusal(read(named(many)), 'the tensors need more than');
    const huge = tensor(
      storage('FloatStorage', '0', 4),
      new Array<number>(60).fill(2 ** 30),
      new Array<number>(60).fill(0),
    );
    await expectRefusal(read(named({ w: huge })), 'the tensors need more than');
  });

  it('pickles that copy a list again and again', async () => {
    const pairs = list(...Array.from({ length: 1000 }, (_, i) => list(int(i), none)));
    // Kept as 0 and recalled for each of many ordered dicts.
    const copy = [...global('collections', 'OrderedDict'), ...tuple([0x68, 0]), 0x52];
    const copies = Array.from({ length: 1000 }, () => copy).flat();
    await expectRefusal(read(list([...pairs, 0x71, 0], copies)), 'copies a list of pairs again and again');
  });

  it('pickles of nothing but containers', async () => {
    const bytes = new Uint8Array(2 * MiB).fill(0x7d);
    bytes.set([0x80, 2]);
    await expectRefusal(decodePyTorch(torchFile(bytes), 'a.pth'), 'more than 524288 objects');
  });
});

describe('looksLikePyTorch', () => {
  it('tells archives and pickles from safetensors of any length of header', () => {
    const state = named({ w: vector('0', 4) });
    expect(looksLikePyTorch(torchFile(pickle(state), { 0: four }))).toBe(true);
    expect(looksLikePyTorch(legacyFile(state, [['0', 4, four]]))).toBe(true);
    const brace = '{'.charCodeAt(0);
    expect(looksLikePyTorch(Uint8Array.of(0x80, 2, 0, 0, 0, 0, 0, 0, brace))).toBe(false);
    expect(looksLikePyTorch(Uint8Array.of(0x50, 0x4b, 3, 4, 0, 0, 0, 0, brace))).toBe(false);
    expect(looksLikePyTorch(new Uint8Array(0))).toBe(false);
  });
});
