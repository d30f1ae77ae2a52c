import { record, Tensor } from '../tensor/index.js';
import { activationNumber, ACTIVATIONS, type Activation, type OutputActivation } from './activation.js';
import { linearGrid, vec4s, WORKGROUP } from './grid.js';
import type { OpDefinition } from './op.js';
import { bucket, choose, type Choice, type Tunable } from './tuning/choice.js';

/** Numbers of the tables in pointwise.wgsl; 0 stands for an activation. */
const OPS = { neg: 1, exp: 2, log: 3, sqrt: 4, abs: 5, square: 6 } as const;

/** Name of an operation on each element of a tensor. */
export type PointwiseOp = keyof typeof OPS | Activation;

function isActivation(op: PointwiseOp): op is Activation {
  return op in ACTIVATIONS;
}

function constantsOf(op: PointwiseOp): Record<string, number> {
  return isActivation(op) ? { OP: 0, ACTIVATION: activationNumber(op) } : { OP: OPS[op], ACTIVATION: 0 };
}

function workgroupOf(size: number): Choice {
  return { shader: 'pointwise', values: { WORKGROUP: size }, order: 'elements' };
}

const STANDARD = workgroupOf(WORKGROUP);
const WORKGROUP_SIZES = [32, 64, 128, 256].map(workgroupOf);

/** How many invocations a workgroup has, for all operations alike: they are bound by memory. */
export const tunablePointwise: Tunable<{ readonly elements: number }> = {
  name: 'pointwise',
  shapeClass: ({ elements }) => String(bucket(elements)),
  standard: () => STANDARD,
  candidates: () => WORKGROUP_SIZES,
  work: ({ elements }) => elements,
  operands: ({ elements }) => [[elements]],
  result: ({ elements }) => [elements],
  launch: (choice, _, [x], y) => {
    launchForward('relu', x!, y, choice);
  },
};

const choiceFor = (x: Tensor): Choice => choose(x.device, tunablePointwise, { elements: x.size });

function launchForward(op: PointwiseOp, x: Tensor, y: Tensor, choice: Choice): void {
  const count = vec4s(x);
  x.device.dispatch({
    shader: 'pointwise',
    entry: 'pointwise_forward',
    constants: { ...constantsOf(op), ...choice.values },
    bindings: { x: x.slice, y: y.slice },
    params: { count },
    grid: linearGrid(x.device, count, choice.values.WORKGROUP),
  });
}

function launchBackward(
  entry: 'pointwise_backward' | 'pointwise_backward_output',
  op: PointwiseOp,
  x: Tensor,
  dy: Tensor,
): Tensor {
  const dx = Tensor.empty(x.shape, { device: x.device });
  const count = vec4s(x);
  const choice = choiceFor(x);
  x.device.dispatch({
    shader: 'pointwise',
    entry,
    constants: { ...constantsOf(op), ...choice.values },
    bindings: { x: x.slice, dy: dy.slice, y: dx.slice },
    params: { count },
    grid: linearGrid(x.device, count, choice.values.WORKGROUP),
  });
  return dx;
}

/** y = op(x), elementwise. */
export function pointwise(op: PointwiseOp, x: Tensor): Tensor {
  const y = Tensor.empty(x.shape, { device: x.device });
  launchForward(op, x, y, choiceFor(x));
  return record(op, [x], y, dy => [launchBackward('pointwise_backward', op, x, dy)]);
}

/** dy times the activation's derivative, which follows from its output y: for kernels that end in an activation. */
export function activationBackward(activation: OutputActivation, y: Tensor, dy: Tensor): Tensor {
  return launchBackward('pointwise_backward_output', activation, y, dy);
}

/** max(0, x), element by element, of any shape. */
export const relu = (x: Tensor): Tensor => pointwise('relu', x);
/** min(max(0, x), 6), element by element, of any shape (Howard et al., MobileNets, 2017). */
export const relu6 = (x: Tensor): Tensor => pointwise('relu6', x);
/** x · σ(x), element by element, of any shape (Elfwing, Uchibe and Doya, 2017). */
export const silu = (x: Tensor): Tensor => pointwise('silu', x);
/** σ(x) = 1 / (1 + exp(−x)), element by element, of any shape. */
export const sigmoid = (x: Tensor): Tensor => pointwise('sigmoid', x);
/** The hyperbolic tangent, element by element, of any shape. */
export const tanh = (x: Tensor): Tensor => pointwise('tanh', x);
/** x · min(max(0, x + 3), 6) / 6, element by element, of any shape (Howard et al., MobileNetV3, 2019). */
export const hardswish = (x: Tensor): Tensor => pointwise('hardswish', x);
/** x·Φ(x) with the exact normal distribution, as torch.nn.functional.gelu by default. */
export const gelu = (x: Tensor): Tensor => pointwise('gelu', x);
/** Slope 0.01 below zero. */
export const leakyRelu = (x: Tensor): Tensor => pointwise('leaky_relu', x);

export const pointwiseOps = Object.fromEntries(
  ([...Object.keys(OPS), ...Object.keys(ACTIVATIONS)] as PointwiseOp[]).map((op): [PointwiseOp, OpDefinition] => [
    op,
    { shader: 'pointwise', inputs: ['input'], run: ({ input }) => pointwise(op, input!) },
  ]),
) as Record<PointwiseOp, OpDefinition>;
