import { ShapeError } from '../kernels/op.js';
import type { Activation } from '../kernels/activation.js';
import { Parameter, type Tensor } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { matches, type Pattern } from './pattern.js';

/** One entry of a state dict on the host, in PyTorch's order. */
export interface StateEntry {
  readonly dtype: 'F32' | 'I64';
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer>;
}

/** Parameters and buffers by the names that PyTorch gives them, `layer1.0.conv1.weight`. */
export type StateDict = ReadonlyMap<string, StateEntry>;

/** What a module keeps beside its parameters: a tensor, or a count that lives on the host (num_batches_tracked). */
export type StateBuffer = Tensor | { count: number };

/** What a module's last kernel does besides: y = activation(module(x) + residual). */
export interface Epilogue {
  readonly residual?: Tensor;
  readonly activation?: Activation;
}

/** Called after each run of a module, with what went in and what came out. */
export type ForwardHook = (module: Module, input: Tensor, output: Tensor) => void;

/** A part of a model's parameters, with the options that its pattern was given with. */
export type ParameterGroup<Options> = Partial<Options> & {
  readonly names: readonly string[];
  readonly parameters: readonly Parameter[];
};

const NO_EPILOGUE: Epilogue = {};

/** The modules whose `forward` is under way, outermost first. */
const running: Module[] = [];
/** Shape errors that tell their layer already. */
const located = new WeakSet<Error>();
let tracer: ((module: Module, output: Tensor) => void) | undefined;

/** The innermost module whose `forward` is under way. */
export function runningModule(): Module | undefined {
  return running.at(-1);
}

/**
 * Runs `fn` and shows every module's output to `look` as soon as it is there. Unlike hooks this does not keep layers from
 * running as one kernel: an activation that the layer before it has taken in is shown with that layer's output.
 */
export function traceModules<T>(look: (module: Module, output: Tensor) => void, fn: () => T): T {
  const before = tracer;
  tracer = look;
  try {
    return fn();
  } finally {
    tracer = before;
  }
}

/**
 * torch.nn.Module: parameters are the properties that hold a Parameter, children the properties that hold a Module, both
 * in the order in which the class declares them; names are the properties' names, so they are PyTorch's. A subclass says
 * what it does in `compute`; everybody calls `forward`, which runs hooks too.
 */
export abstract class Module {
  /** Whether dropout drops and batch normalisation uses the batch's statistics; `train` and `eval` set it. */
  training = true;
  protected readonly buffers = new Map<string, StateBuffer>();
  readonly #hooks = new Set<{ readonly hook: ForwardHook; readonly retainGrad: boolean }>();

  /** The module's work. An epilogue is given only where `fuses` said yes to it. */
  protected abstract compute(x: Tensor, epilogue: Epilogue): Tensor;

  /**
   * Runs the module on `x`, then its hooks.
   * @throws ShapeError that begins with the name of the layer that refused its input
   */
  forward(x: Tensor): Tensor {
    return this.#run(x, NO_EPILOGUE);
  }

  /**
   * Whether `forwardFused` takes this epilogue: never where a hook wants the module's own output. A module that knows
   * nothing of epilogues takes an empty one only.
   */
  fuses(epilogue: Epilogue): boolean {
    return Object.keys(epilogue).length === 0;
  }

  /** y = activation(module(x) + residual), in the module's own last kernel. */
  forwardFused(x: Tensor, epilogue: Epilogue): Tensor {
    if (!this.fuses(epilogue)) {
      throw new Error(`${this.constructor.name} does not fuse ${Object.keys(epilogue).join(' and ')}`);
    }
    return this.#run(x, epilogue);
  }

  #run(x: Tensor, epilogue: Epilogue): Tensor {
    running.push(this);
    try {
      const y = this.compute(x, epilogue);
      this.#show(x, y);
      return y;
    } catch (error) {
      if (!(error instanceof ShapeError) || located.has(error)) throw error;
      const name = [...running[0]!.namedModules()].find(([, module]) => module === this)?.[0] ?? '';
      const layer = name === '' ? this.constructor.name : `${name} (${this.constructor.name})`;
      const placed = new ShapeError(`${layer}: ${error.message}`, { cause: error });
      located.add(placed);
      throw placed;
    } finally {
      running.pop();
    }
  }

  /** For an activation whose work the layer before it has done: `y` is what it would have put out. */
  absorb(y: Tensor): void {
    tracer?.(this, y);
  }

  #show(x: Tensor, y: Tensor): void {
    tracer?.(this, y);
    for (const { hook, retainGrad } of this.#hooks) {
      if (retainGrad && y.requiresGrad) y.retainGrad();
      hook(this, x, y);
    }
  }

  /**
   * Has `hook` called after every run; the function that comes back takes it off again. While a module is hooked it does
   * not run as one kernel with its neighbours, so that the hook sees the module's own output. With `retainGrad`,
   * `backward` leaves the output's gradient in `output.grad`, wherever one is recorded. A hook that wants to look at the
   * output after the step's scope calls `output.keep()`, and disposes it, and the gradient, when done.
   */
  registerForwardHook(hook: ForwardHook, options: { retainGrad?: boolean } = {}): () => void {
    const entry = { hook, retainGrad: options.retainGrad ?? false };
    this.#hooks.add(entry);
    return () => {
      this.#hooks.delete(entry);
    };
  }

  /** Whether a hook waits for what this module puts out; it is computed on its own then, not fused. */
  get hooked(): boolean {
    return this.#hooks.size > 0;
  }

  /** Direct children by name. A child called '' shows its own children, parameters and buffers under its parent's name. */
  children(): [string, Module][] {
    return Object.entries(this).filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** This module and everything below it, with dotted names, parents first. */
  *namedModules(prefix = ''): Generator<[string, Module]> {
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.namedModules(joined(prefix, name));
  }

  /**
   * The module at a dotted name, such as `layer3.1`.
   * @throws UserError that lists the names at the place where it goes astray
   */
  get(name: string): Module {
    const modules = new Map(this.namedModules());
    const found = modules.get(name);
    if (found) return found;
    const parts = name.split('.');
    while (parts.length > 0 && !modules.has(parts.join('.'))) parts.pop();
    const parent = parts.join('.');
    const depth = parts.length;
    const below = [...modules.keys()].filter(
      key => key.split('.').length === depth + 1 && (depth === 0 ? key !== '' : key.startsWith(`${parent}.`)),
    );
    const where = parent === '' ? 'the model' : parent;
    throw new UserError(`no layer is called '${name}'; ${where} has ${below.join(', ') || 'no layers in it'}`);
  }

  /** Every parameter of this module and of those below it, by its name in full. */
  namedParameters(): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, value] of module.ownParameters()) found.set(joined(prefix, name), value);
    }
    return found;
  }

  /** The parameters of this module itself, without its children's. */
  ownParameters(): [string, Parameter][] {
    return Object.entries(this).filter((entry): entry is [string, Parameter] => entry[1] instanceof Parameter);
  }

  /** The values of `namedParameters`, in the same order. */
  parameters(): Parameter[] {
    return [...this.namedParameters().values()];
  }

  /** Every buffer of this module and of those below it, such as running means, by its name in full. */
  namedBuffers(): Map<string, StateBuffer> {
    const found = new Map<string, StateBuffer>();
    for (const [prefix, module] of this.namedModules()) {
      for (const [name, value] of module.buffers) found.set(joined(prefix, name), value);
    }
    return found;
  }

  /** Puts this module and all below it in training mode, or with `false` in evaluation mode. */
  train(mode = true): this {
    for (const [, module] of this.namedModules()) module.training = mode;
    return this;
  }

  /** Puts this module and all below it in evaluation mode: no dropout, running statistics in batch normalisation. */
  eval(): this {
    return this.train(false);
  }

  /**
   * Stops parameters from learning, and gives their names: they get no gradient any more, and no work is done for one. A
   * batch normalisation whose weight and bias are both frozen keeps and uses its running statistics, in training too.
   * @throws UserError where the pattern matches nothing
   */
  freeze(pattern: Pattern): string[] {
    return this.#setLearning(pattern, false);
  }

  /** Takes `freeze` back. */
  unfreeze(pattern: Pattern): string[] {
    return this.#setLearning(pattern, true);
  }

  #setLearning(pattern: Pattern, learns: boolean): string[] {
    const chosen = [...this.namedParameters()].filter(([name]) => matches(pattern, name));
    if (chosen.length === 0) throw this.#noMatch(pattern);
    for (const [, parameter] of chosen) {
      parameter.requiresGrad = learns;
      if (learns) continue;
      parameter.grad?.dispose();
      parameter.grad = undefined;
    }
    return chosen.map(([name]) => name);
  }

  /**
   * Splits the parameters, frozen ones included: each goes to the first group whose pattern it matches, and what is left
   * comes last, in a group without options. Group by group they are in the order of `namedParameters`.
   * @throws UserError where a pattern matches nothing that an earlier one has left
   */
  parameterGroups<Options extends object>(
    groups: readonly (Options & { readonly pattern: Pattern })[],
  ): ParameterGroup<Options>[] {
    const left = this.namedParameters();
    const take = (name: string, parameter: Parameter) => {
      left.delete(name);
      return parameter;
    };
    const result = groups.map(({ pattern, ...options }) => {
      const names = [...left.keys()].filter(name => matches(pattern, name));
      if (names.length === 0) throw this.#noMatch(pattern);
      const parameters = names.map(name => take(name, left.get(name)!));
      return { ...options, names, parameters } as unknown as ParameterGroup<Options>;
    });
    if (left.size === 0) return result;
    const rest = { names: [...left.keys()], parameters: [...left.values()] } as unknown as ParameterGroup<Options>;
    return [...result, rest];
  }

  #noMatch(pattern: Pattern): UserError {
    const names = new Set([...this.namedParameters().keys()].map(name => name.replace(/\.[^.]*$/, '')));
    return new UserError(`${String(pattern)} matches no parameter that is left; layers are ${[...names].join(', ')}`);
  }

  /** Forgets the gradients of all parameters. */
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
      for (const [name, value] of module.ownParameters()) state.set(joined(prefix, name), value);
      for (const [name, value] of module.buffers) state.set(joined(prefix, name), value);
    }
    return state;
  }

  /** Names and shapes of the whole state, in PyTorch's order, without reading anything back. */
  stateShapes(): [name: string, shape: readonly number[]][] {
    return [...this.#state()].map(([name, value]) => [name, 'count' in value ? [] : value.shape]);
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

function joined(prefix: string, name: string): string {
  return prefix === '' || name === '' ? prefix + name : `${prefix}.${name}`;
}
