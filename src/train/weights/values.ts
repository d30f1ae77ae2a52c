import { isFloat, toFloat32 } from '../../interop/cast.js';
import type { HostTensor } from '../../interop/safetensors.js';
import { UserError } from '../../util/errors.js';

/** Batch normalisation's count of batches, the only entry of a state dict that is no real number. */
const COUNTER = 'num_batches_tracked';

/**
 * Weights in the type that networks compute from: those of 16 and 64 bits as float32.
 * @param path names the file in messages
 * @throws UserError for a weight of integers
 */
export function asFloat32(state: ReadonlyMap<string, HostTensor>, path: string): ReadonlyMap<string, HostTensor> {
  return new Map(
    [...state].map(([name, tensor]) => {
      if (tensor.dtype === 'F32' || (!isFloat(tensor) && name.split('.').at(-1) === COUNTER)) return [name, tensor];
      if (!isFloat(tensor))
        throw new UserError(`${path}: ${name} is of type ${tensor.dtype}; weights are real numbers`);
      return [name, { dtype: 'F32', shape: tensor.shape, data: toFloat32(tensor) }];
    }),
  );
}
