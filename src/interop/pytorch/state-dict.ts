/** Finds the state dict in what a pickle holds. */
import { UserError } from '../../util/errors.js';
import { printable } from '../printable.js';
import { PickledTensor } from './tensors.js';
import type { PickleValue } from './values.js';

/** The keys under which training scripts keep the state dict, beside epochs and optimisers. */
const WRAPPERS = ['state_dict', 'model', 'model_state_dict'] as const;
const MOST_WRAPPERS = 3;

/**
 * The tensors of a state dict by name: `value` itself, or what lies under `state_dict` or `model` in it.
 * @throws UserError where there is none
 */
export function findStateDict(value: PickleValue): Map<string, PickledTensor> {
  let dict = value;
  for (let depth = 0; depth <= MOST_WRAPPERS && dict instanceof Map; depth++) {
    const inner = WRAPPERS.map(key => (dict as Map<PickleValue, PickleValue>).get(key)).find(
      held => held instanceof Map,
    );
    if (!inner) break;
    dict = inner;
  }
  if (!(dict instanceof Map)) {
    throw new UserError(`it holds ${described(value)} instead of a state dict: tensors by name`);
  }
  const tensors = new Map<string, PickledTensor>();
  for (const [name, tensor] of dict) {
    const shown = typeof name === 'string' ? `'${printable(name)}'` : described(name);
    if (typeof name !== 'string') throw new UserError(`the state dict has ${shown} among its names`);
    if (!(tensor instanceof PickledTensor)) {
      throw new UserError(
        `${shown} is ${described(tensor)}, not a tensor; a state dict is looked for at the top and under ${WRAPPERS.join(', ')}`,
      );
    }
    tensors.set(name, tensor);
  }
  if (tensors.size === 0) throw new UserError('the state dict is empty');
  return tensors;
}

function described(value: PickleValue): string {
  if (value === null) return 'None';
  if (value instanceof Map) return 'a dict';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Uint8Array) return 'bytes';
  if (typeof value === 'object') return 'kind' in value ? `a ${value.kind}` : 'a function';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}
