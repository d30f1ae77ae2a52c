import { Parameter, type Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';

/** One entry of a state dict on the host, in PyTorch's order. */
export interface StateEntry {
  readonly dtype: 'F32' | 'I64';
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
}

export type StateDict = ReadonlyMap<string, StateEntry>;

/** What a module keeps beside its parameters: a tensor, or a count that lives on the host (num_batches_tracked). */
export type StateBuffer = Tensor | { count: number };

/**
 * torch.nn.Module: parameters are the properties that hold a Parameter, children the properties that hold a Module, both
 * in the order in which the constructor set them; names are the properties' names, so they are PyTorch's.
 */
export abstract class Module {
  training = true;
  /** Set on modules inside a Sequential and the like by their position; own properties otherwise. */
  protected readonly buffers = new Map<string, StateBuffer>();

  abstract forward(x: Tensor): Tensor;

  /** Direct children by name. */
  children(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** This module and everything below it, with dotted names, parents first. */
  *namedModules(prefix = ''): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.namedModules(prefix === '' ? name : `${prefix}.${name}`);
  }

  namedParameters(): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (value instanceof Parameter) found.set(prefix === '' ? name : `${prefix}.${name}`, value);
      }
    }
    return found;
  }

  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  namedBuffers(): Map<string, StateBuffer> {
    const found = new Map<string, StateBuffer>();
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, value] of module.buffers) found.set(prefix === '' ? name : `${prefix}.${name}`, value);
    }
    return found;
  }

  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  zeroGrad(): void {
    for (const parameter of this.parameters()) {
      parameter.grad?.dispose();
      parameter.grad = undefined;
    }
  }

  /** Parameters and buffers under PyTorch's names, each module's own parameters before its buffers. */
  #state(): Map<string, Parameter | StateBuffer> {
    const state = new Map<string, Parameter | StateBuffer>();
    for (const [prefix, module] of this.namedModules()) {
      const at = (name: string) => (prefix === '' ? name : `${prefix}.${name}`);
      for (const [name, value] of Object.entries(module)) if (value instanceof Parameter) state.set(at(name), value);
      for (const [name, value] of module.buffers) state.set(at(name), value);
    }
    return state;
  }

  /** Reads the whole state back: names and shapes are those of PyTorch's state_dict. */
  async stateDict(): Promise<Map<string, StateEntry>> {
    const dict = new Map<string, StateEntry>();
    for (const [name, value] of this.#state()) {
      if ('count' in value) {
        dict.set(name, { dtype: 'I64', shape: [], data: new BigInt64Array([BigInt(value.count)]) });
      } else {
        dict.set(name, { dtype: 'F32', shape: value.shape, data: await value.data() });
      }
    }
    return dict;
  }

  /**
   * Takes over a state dict. Nothing is loaded unless every name and shape matches.
   * @throws UserError that lists every missing, unexpected and misshapen entry
   */
  loadStateDict(
    dict: ReadonlyMap<string, { readonly shape: readonly number[]; readonly data: ArrayLike<number | bigint> }>,
  ): void {
    const state = this.#state();
    const faults: string[] = [];
    for (const [name, value] of state) {
      const given = dict.get(name);
      const wanted = 'count' in value ? [] : value.shape;
      if (!given) {
        // Files written before PyTorch 0.4.1 hold no batch counts; nothing that is computed depends on them.
        if (!('count' in value)) faults.push(`missing: ${name} (${wanted.join(', ')})`);
      } else if (given.shape.length !== wanted.length || given.shape.some((size, i) => size !== wanted[i])) {
        faults.push(`wrong shape: ${name} is (${given.shape.join(', ')}), the model has (${wanted.join(', ')})`);
      }
    }
    for (const name of dict.keys()) if (!state.has(name)) faults.push(`unexpected: ${name}`);
    if (faults.length > 0) {
      throw new UserError(`the weights do not fit the model; nothing was loaded\n  ${faults.join('\n  ')}`);
    }
    for (const [name, value] of state) {
      const given = dict.get(name);
      if (!given) continue;
      if ('count' in value) value.count = Number(given.data[0]);
      else value.set(given.data as ArrayLike<number>);
    }
  }

  /** Frees all parameters and buffers. */
  dispose(): void {
    for (const value of this.#state().values()) if (!('count' in value)) value.dispose();
  }
}
