/**
 * PyTorch's `.pth` and `.pt` files without Python: the state dict that torch.save wrote, as a zip archive (since PyTorch
 * 1.6) or in the format before it. Bytes in, tensors out: no file access, and nothing in a file is ever executed.
 */
import { UserError } from '../../util/errors.js';
import type { HostTensor } from '../host-tensor.js';
import { PyTorchArchive } from './archive.js';
import { Budget } from './budget.js';
import { stateDictHooks } from './globals.js';
import { readLegacy } from './legacy.js';
import { unpickle } from './pickle.js';
import { findStateDict } from './state-dict.js';
import type { PickledTensor, StorageRef } from './tensors.js';

/** Whether a file that begins with `bytes` is one that torch.save can have written: a zip archive or a pickle. */
export function looksLikePyTorch(bytes: Uint8Array): boolean {
  const isZip = bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
  const isPickle = bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5;
  // A safetensors file may begin with any byte, the length of its header; but then comes the header.
  return (isZip || isPickle) && bytes[8] !== 0x7b;
}

/**
 * The tensors of a state dict that torch.save wrote, alone or under `state_dict` or `model`, by its names and in its order.
 * Tensors are copies, row-major, whatever storages and strides they had. `source` names the file in messages.
 *
 * @throws UserError that says what is wrong with the file, or what in it was refused
 */
export async function decodePyTorch(bytes: Uint8Array, source = 'PyTorch file'): Promise<Map<string, HostTensor>> {
  try {
    return bytes[0] === 0x80 ? decodeLegacy(bytes) : await decodeArchive(bytes);
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${source}: ${error.message}`);
    throw error;
  }
}

function decodeLegacy(bytes: Uint8Array): Map<string, HostTensor> {
  const { value, storages } = readLegacy(bytes);
  const budget = new Budget('the tensors', bytes.length);
  const tensors = new Map<string, HostTensor>();
  for (const [name, tensor] of findStateDict(value)) {
    const storage = storages.get(tensor.storage.key);
    if (!storage) throw new UserError('truncated: the file lacks a storage of its tensors');
    tensors.set(name, tensor.read(storage, budget));
  }
  return tensors;
}

async function decodeArchive(bytes: Uint8Array): Promise<Map<string, HostTensor>> {
  const archive = await PyTorchArchive.open(bytes);
  const pickle = await archive.readPickle();
  const { value } = unpickle(pickle, stateDictHooks(pickle.length, new Map()));
  const found = findStateDict(value);
  const budget = new Budget('the tensors', bytes.length);
  // Each storage is read once, and dropped when its tensors are copied.
  const read = new Map<string, HostTensor>();
  for (const [storage, tensors] of byStorage(found)) {
    const storageBytes = await archive.readStorage(storage.key, storage.totalBytes);
    for (const [name, tensor] of tensors) read.set(name, tensor.read(storageBytes, budget));
  }
  return new Map([...found.keys()].map(name => [name, read.get(name)!]));
}

function byStorage(tensors: ReadonlyMap<string, PickledTensor>): [StorageRef, [string, PickledTensor][]][] {
  const groups = new Map<string, [StorageRef, [string, PickledTensor][]]>();
  for (const [name, tensor] of tensors) {
    const group = groups.get(tensor.storage.key);
    if (group) group[1].push([name, tensor]);
    else groups.set(tensor.storage.key, [tensor.storage, [[name, tensor]]]);
  }
  return [...groups.values()];
}
