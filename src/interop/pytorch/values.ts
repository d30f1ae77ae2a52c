/** What a restricted unpickler can come to hold, and how it says that a pickle is no good. */
import { UserError } from '../../util/errors.js';

/**
 * A value of a pickle: tuples, lists and sets as arrays, dicts of any kind as maps, bytes as Uint8Array, integers beyond
 * 2^53 as bigint, and what the pickle's globals and persistent ids stand for.
 */
export type PickleValue =
  null | boolean | number | bigint | string | Uint8Array | PickleValue[] | PickleDict | PickleFunction | PickleObject;

export type PickleDict = Map<PickleValue, PickleValue>;

/** What a global may be called for. Nothing of the pickle runs: `call` is this project's own. */
export class PickleFunction {
  constructor(
    readonly name: string,
    readonly call: (args: readonly PickleValue[]) => PickleValue,
  ) {}
}

/** Base of what functions and persistent ids give. */
export abstract class PickleObject {
  abstract readonly kind: string;
}

export class PickleError extends UserError {
  override readonly name = 'PickleError';
}
