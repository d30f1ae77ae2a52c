/** The globals that a state dict is pickled with, and what stands for them here. */
import type { SafeDtype } from '../host-tensor.js';
import type { PickleHooks } from './machine.js';
import { isSizes } from '../host-tensor.js';
import { PickledTensor, StorageClass, StorageRef } from './tensors.js';
import { PickleError, PickleFunction, type PickleValue } from './values.js';

const STORAGES: readonly [name: string, dtype: SafeDtype][] = [
  ['DoubleStorage', 'F64'],
  ['FloatStorage', 'F32'],
  ['HalfStorage', 'F16'],
  ['BFloat16Storage', 'BF16'],
  ['LongStorage', 'I64'],
  ['IntStorage', 'I32'],
  ['ShortStorage', 'I16'],
  ['CharStorage', 'I8'],
  ['ByteStorage', 'U8'],
  ['BoolStorage', 'BOOL'],
];

/**
 * Hooks for one pickle of `length` bytes. They fill `storages` with all storages that it mentions, by key.
 * @throws PickleError where arguments are not what PyTorch writes
 */
export function stateDictHooks(length: number, storages: Map<string, StorageRef>): PickleHooks {
  // What the pickle holds once it may copy once; a list that is recalled and copied again and again is a bomb.
  let copies = length;
  const orderedDict = (args: readonly PickleValue[]): PickleValue => {
    const items = args[0] ?? [];
    if (args.length > 1 || !Array.isArray(items)) throw new PickleError('OrderedDict takes a list of pairs');
    copies -= items.length;
    if (copies < 0) throw new PickleError('the pickle copies a list of pairs again and again');
    const dict = new Map<PickleValue, PickleValue>();
    for (const item of items) {
      if (!Array.isArray(item) || item.length !== 2) throw new PickleError('OrderedDict takes a list of pairs');
      dict.set(item[0]!, item[1]!);
    }
    return dict;
  };
  const known = new Map<string, PickleValue>(
    STORAGES.map(([name, dtype]) => [`torch.${name}`, new StorageClass(name, dtype)]),
  );
  for (const [name, call] of [
    ['collections.OrderedDict', orderedDict],
    ['torch._utils._rebuild_tensor', rebuildTensor],
    ['torch._utils._rebuild_tensor_v2', rebuildTensor],
    ['torch._utils._rebuild_parameter', rebuildParameter],
  ] as const) {
    known.set(name, new PickleFunction(name, call));
  }
  return {
    findGlobal: (module, name) => known.get(`${module}.${name}`),
    persistentLoad: id => {
      const storage = storageOf(id);
      const seen = storages.get(storage.key);
      if (seen && (seen.dtype !== storage.dtype || seen.total !== storage.total)) {
        throw new PickleError('a storage is mentioned with two types or lengths');
      }
      storages.set(storage.key, storage);
      return storage;
    },
  };
}

/** (storage, storage_offset, size, stride), and from v2 on (requires_grad, backward_hooks[, metadata]). */
function rebuildTensor(args: readonly PickleValue[]): PickledTensor {
  const [storage, offset, shape, stride] = args;
  const metadata = args[6] ?? null;
  if (!(storage instanceof StorageRef) || !isSize(offset) || !isSizes(shape) || !isSizes(stride) || args.length > 7) {
    throw new PickleError('a tensor is built of other things than a storage, an offset, sizes and strides');
  }
  // Marks such as `neg`: the values in the storage are not the tensor's.
  if (metadata !== null && !(metadata instanceof Map && metadata.size === 0)) {
    throw new PickleError('a tensor is a lazily negated or conjugated view; save tensor.resolve_neg() instead');
  }
  return new PickledTensor(storage, offset, shape, stride);
}

/** (data, requires_grad, backward_hooks) */
function rebuildParameter([data]: readonly PickleValue[]): PickledTensor {
  if (!(data instanceof PickledTensor)) throw new PickleError('a parameter is built of other things than a tensor');
  return data;
}

/**
 * ('storage', class, key, location, elements), and in the older format a view of a part of it: None or
 * (key, offset, elements).
 */
function storageOf(id: PickleValue): StorageRef {
  if (!Array.isArray(id)) throw new PickleError('the pickle refers to what is no storage');
  const [kind, type, key, , total, view = null] = id;
  if (kind !== 'storage' || !(type instanceof StorageClass) || typeof key !== 'string' || !isSize(total)) {
    throw new PickleError('the pickle refers to what is no storage');
  }
  if (view === null) return new StorageRef(key, type.dtype, total, 0, total);
  const [, offset, length] = Array.isArray(view) ? view : [];
  if (!isSize(offset) || !isSize(length) || offset + length > total) {
    throw new PickleError('a part of a storage reaches beyond it');
  }
  return new StorageRef(key, type.dtype, total, offset, length);
}

function isSize(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
