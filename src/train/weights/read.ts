import type { HostTensor, SafeTensors } from '../../interop/safetensors.js';
import { decodePyTorch, looksLikePyTorch } from '../../interop/pytorch/index.js';
import { UserError } from '../../util/errors.js';
import { decodeTensorFile, readBytes } from '../tensor-file.js';

/** The tensors of a weights file, in their own types and under their own names but for `module.`. */
export interface WeightsFile extends SafeTensors {
  readonly format: 'safetensors' | 'pytorch';
}

/** What DataParallel and DistributedDataParallel put before the names of the network that they wrap. */
const WRAPPER = 'module.';

/** Where the header of a safetensors file begins, with this byte. */
const HEADER_AT = 8;
const BRACE = 0x7b;

/**
 * Reads safetensors, or what torch.save wrote of a state dict; the content tells which it is, not the name. PyTorch's files
 * have no metadata here.
 * @throws UserError where there is no such file, where it is of another kind, damaged or refused
 */
export async function readWeightsFile(path: string): Promise<WeightsFile> {
  const bytes = await readBytes(path);
  if (looksLikePyTorch(bytes)) {
    const tensors = unwrapped(await decodePyTorch(bytes, path), path);
    return { format: 'pytorch', tensors, metadata: {} };
  }
  if (bytes[HEADER_AT] !== BRACE) {
    throw new UserError(`${path} is neither a safetensors file nor one that torch.save wrote (.pth, .pt)`);
  }
  const { tensors, metadata } = decodeTensorFile(bytes, path);
  return { format: 'safetensors', tensors: unwrapped(tensors, path), metadata };
}

function unwrapped(tensors: ReadonlyMap<string, HostTensor>, path: string): Map<string, HostTensor> {
  const result = new Map<string, HostTensor>();
  for (const [name, tensor] of tensors) {
    let own = name;
    while (own.startsWith(WRAPPER)) own = own.slice(WRAPPER.length);
    if (result.has(own)) throw new UserError(`${path} has ${own} twice, once with '${WRAPPER}' before it`);
    result.set(own, tensor);
  }
  return result;
}
