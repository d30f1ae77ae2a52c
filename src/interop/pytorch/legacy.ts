/**
 * The format of torch.save up to PyTorch 1.5, and since then with `_use_new_zipfile_serialization=False`: five pickles one
 * after the other (a magic number, the protocol, the machine, the object, the keys of its storages), then for each key the
 * number of elements (8 bytes, little endian) and the elements.
 */
import { UserError } from '../../util/errors.js';
import { stateDictHooks } from './globals.js';
import type { PickleHooks } from './machine.js';
import { unpickle } from './pickle.js';
import type { StorageRef } from './tensors.js';
import type { PickleValue } from './values.js';

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** Numbers only: the pickles around the object name nothing. */
const plain: PickleHooks = {
  findGlobal: () => undefined,
  persistentLoad: () => {
    throw new UserError('the file refers to storages before its tensors');
  },
};

/**
 * The object, and the bytes of its storages by key.
 * @throws UserError that says what is wrong with the file
 */
export function readLegacy(bytes: Uint8Array): { value: PickleValue; storages: ReadonlyMap<string, Uint8Array> } {
  const magic = unpickle(bytes, plain);
  if (magic.value !== MAGIC) throw new UserError('a pickle, but not one that torch.save wrote');
  const protocol = unpickle(bytes, plain, magic.end);
  if (protocol.value !== PROTOCOL) throw new UserError('written by torch.save with a protocol that is not 1001');
  const machine = unpickle(bytes, plain, protocol.end);
  if (machine.value instanceof Map && machine.value.get('little_endian') === false) {
    throw new UserError('written on a big-endian machine; load and save it again on another');
  }
  const mentioned = new Map<string, StorageRef>();
  const { value, end } = unpickle(bytes, stateDictHooks(bytes.length, mentioned), machine.end);
  const keys = unpickle(bytes, plain, end);
  return { value, storages: readStorages(bytes, keys.end, keys.value, mentioned) };
}

function readStorages(
  bytes: Uint8Array,
  start: number,
  keys: PickleValue,
  mentioned: ReadonlyMap<string, StorageRef>,
): ReadonlyMap<string, Uint8Array> {
  if (!Array.isArray(keys)) throw new UserError('the file has no list of its storages');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const storages = new Map<string, Uint8Array>();
  let at = start;
  for (const key of keys) {
    const storage = typeof key === 'string' ? mentioned.get(key) : undefined;
    if (!storage) throw new UserError('the file has a storage that none of its tensors uses');
    if (storages.has(storage.key)) throw new UserError('the file has a storage twice');
    if (at + 8 > bytes.length) throw new UserError('truncated: the file ends before its last tensor');
    const elements = view.getBigInt64(at, true);
    if (elements !== BigInt(storage.total)) {
      throw new UserError(`a storage holds ${elements} elements where its tensors need ${storage.total}`);
    }
    at += 8;
    if (at + storage.totalBytes > bytes.length) {
      throw new UserError(
        `truncated: a storage needs ${storage.totalBytes} bytes, the file has ${bytes.length - at} left`,
      );
    }
    storages.set(storage.key, bytes.subarray(at, at + storage.totalBytes));
    at += storage.totalBytes;
  }
  return storages;
}
