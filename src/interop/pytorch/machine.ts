import { printable } from '../printable.js';
import { PickleError, PickleFunction, type PickleDict, type PickleValue } from './values.js';

export interface PickleHooks {
  /** What a global stands for; undefined has the pickle refused with its name. */
  findGlobal(module: string, name: string): PickleValue | undefined;
  /** What a persistent id stands for; it has been built by the pickle and must be checked. */
  persistentLoad(id: PickleValue): PickleValue;
}

/** As many values as a pickle may keep for later. */
const MAX_KEPT = 2 ** 22;

/** The stack and memo of a pickle that is being read. */
export class PickleMachine {
  #stack: PickleValue[] = [];
  /** The stacks below the marks that are open. */
  readonly #below: PickleValue[][] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(private readonly hooks: PickleHooks) {}

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  pop(): PickleValue {
    const value = this.#stack.pop();
    if (value === undefined) throw new PickleError('the pickle takes more from its stack than lies there');
    return value;
  }

  top(): PickleValue {
    const value = this.#stack.at(-1);
    if (value === undefined) throw new PickleError('the pickle takes more from its stack than lies there');
    return value;
  }

  /** The last `count` values, the uppermost last. */
  popMany(count: number): PickleValue[] {
    if (this.#stack.length < count) throw new PickleError('the pickle takes more from its stack than lies there');
    return this.#stack.splice(this.#stack.length - count, count);
  }

  mark(): void {
    this.#below.push(this.#stack);
    this.#stack = [];
  }

  /** All values since the last mark. */
  popToMark(): PickleValue[] {
    const values = this.#stack;
    const below = this.#below.pop();
    if (!below) throw new PickleError('the pickle closes what it did not open');
    this.#stack = below;
    return values;
  }

  append(values: readonly PickleValue[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new PickleError('the pickle appends to what is no list');
    for (const value of values) list.push(value);
  }

  /** Items are keys and values in turn. */
  setItems(items: readonly PickleValue[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) throw new PickleError('the pickle sets items of what is no dict');
    this.#fill(dict, items);
  }

  newDict(items: readonly PickleValue[]): PickleDict {
    const dict: PickleDict = new Map();
    this.#fill(dict, items);
    return dict;
  }

  /** A dict is written out once, so a key that comes twice is a fault. */
  #fill(dict: PickleDict, items: readonly PickleValue[]): void {
    if (items.length % 2 !== 0) throw new PickleError('a dict of the pickle has a key without a value');
    for (let i = 0; i < items.length; i += 2) {
      const key = items[i]!;
      if (dict.has(key)) {
        const shown = typeof key === 'string' ? printable(key) : typeof key;
        throw new PickleError(`a dict has the key '${shown}' twice`);
      }
      dict.set(key, items[i + 1]!);
    }
  }

  memoize(index = this.#memo.size): void {
    if (this.#memo.size >= MAX_KEPT) throw new PickleError(`the pickle keeps more than ${MAX_KEPT} values`);
    this.#memo.set(index, this.top());
  }

  recall(index: number): PickleValue {
    const value = this.#memo.get(index);
    if (value === undefined) throw new PickleError(`the pickle recalls a value ${index} that it did not keep`);
    return value;
  }

  global(module: string, name: string): PickleValue {
    const found = this.hooks.findGlobal(module, name);
    if (found === undefined) {
      throw new PickleError(
        `the pickle asks for ${printable(`${module}.${name}`)}, which is no part of a state dict; it was refused, and ` +
          'nothing was executed. Save the weights alone: torch.save(model.state_dict(), path)',
      );
    }
    return found;
  }

  stackGlobal(): PickleValue {
    const [module, name] = this.popMany(2) as [PickleValue, PickleValue];
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw new PickleError('the pickle names a global with what is no text');
    }
    return this.global(module, name);
  }

  /** Calls one of the functions that `findGlobal` gave. */
  reduce(): PickleValue {
    const [callee, args] = this.popMany(2) as [PickleValue, PickleValue];
    if (!(callee instanceof PickleFunction)) throw new PickleError('the pickle calls what is no function');
    if (!Array.isArray(args)) throw new PickleError(`the pickle calls ${callee.name} without a tuple of arguments`);
    return callee.call(args);
  }

  /** Attributes of an ordered dict, such as the `_metadata` of a state dict: versions of modules, which are not needed. */
  build(): void {
    this.pop();
    if (!(this.top() instanceof Map)) throw new PickleError('the pickle sets attributes of what is no dict');
  }

  persistentId(): PickleValue {
    return this.hooks.persistentLoad(this.pop());
  }

  result(): PickleValue {
    if (this.#below.length > 0 || this.#stack.length !== 1) {
      throw new PickleError('the pickle ends with more or less than one value');
    }
    return this.pop();
  }
}
