import { noGrad, observe, scope, Tensor, type Parameter } from '../tensor/index.js';
import { Module, runningModule, traceModules } from './module.js';

/** One module of a network, as a listing shows it. */
export interface LayerSummary {
  /** Dotted name; '' for the network itself. */
  readonly name: string;
  /** Class, such as `Conv2d`. */
  readonly type: string;
  /** 0 for the network itself. */
  readonly depth: number;
  /** Without the batch; the last where the module runs more than once, absent where it does not run. */
  readonly outputShape: readonly number[] | undefined;
  /** Of the module itself, without those of the modules in it. */
  readonly parameters: number;
  readonly trainable: number;
  /** Multiply-accumulates of one image, in convolutions and linear layers as is the custom of the field. */
  readonly macs: number;
  /** What its own operations put out for one image, in float32; 0 where a neighbour's kernel does its work. */
  readonly activationBytes: number;
}

/** The layers of a network in the order in which they run, and their sums. */
export interface ModelSummary {
  readonly layers: readonly LayerSummary[];
  readonly total: Pick<LayerSummary, 'parameters' | 'trainable' | 'macs' | 'activationBytes'>;
}

/** Looks at a network while one image (C,H,W) passes through it in evaluation mode. */
export function summarize(
  model: Module,
  input: readonly [channels: number, height: number, width: number],
): ModelSummary {
  const shapes = new Map<Module, readonly number[]>();
  const macs = new Map<Module, number>();
  const bytes = new Map<Module, number>();
  const add = (to: Map<Module, number>, module: Module, value: number) => to.set(module, (to.get(module) ?? 0) + value);
  const training = model.training;
  model.eval();
  scope(() => {
    const x = Tensor.zeros([1, ...input]);
    // Views share memory, which counts for the module whose operation filled it.
    const counted = new Set([x.slice.buffer.id]);
    const look = (op: string, inputs: readonly Tensor[], output: Tensor) => {
      const module = runningModule()!;
      add(macs, module, multiplyAccumulates(op, inputs, output));
      if (counted.has(output.slice.buffer.id)) return;
      counted.add(output.slice.buffer.id);
      add(bytes, module, output.size * 4);
    };
    const show = (module: Module, output: Tensor) => shapes.set(module, output.shape.slice(1));
    observe(look, () => traceModules(show, () => noGrad(() => model.forward(x))));
  });
  model.train(training);

  const size = (parameters: readonly Parameter[]) => parameters.reduce((total, { size }) => total + size, 0);
  const layers = [...model.namedModules()].map(([name, module]): LayerSummary => {
    const own = module.ownParameters().map(([, parameter]) => parameter);
    return {
      name,
      type: module.constructor.name,
      depth: name === '' ? 0 : name.split('.').length,
      outputShape: shapes.get(module),
      parameters: size(own),
      trainable: size(own.filter(({ requiresGrad }) => requiresGrad)),
      macs: macs.get(module) ?? 0,
      activationBytes: bytes.get(module) ?? 0,
    };
  });
  const sum = (key: keyof ModelSummary['total']) => layers.reduce((total, layer) => total + layer[key], 0);
  return {
    layers,
    total: {
      parameters: sum('parameters'),
      trainable: sum('trainable'),
      macs: sum('macs'),
      activationBytes: sum('activationBytes'),
    },
  };
}

/** Products of convolutions and linear layers: each output value takes those of one output channel's weight. */
function multiplyAccumulates(op: string, [, weight]: readonly Tensor[], output: Tensor): number {
  return op === 'conv2d' || op === 'linear' ? output.size * (weight!.size / weight!.shape[0]!) : 0;
}
