import type { Device } from '../gpu/device.js';
import { Parameter, Storage, Tensor, type Node } from './tensor.js';
import { formatShape, sameShape } from './layout.js';

/** What the tape needs of the floor above: dispatches belong to src/kernels. */
export interface TapeKernels {
  /** into += value, elementwise, same shape. */
  accumulate(into: Tensor, value: Tensor): void;
}

let kernels: TapeKernels | undefined;
let nextId = 0;
let recording = true;

/** What an operation was called with besides its inputs, by the names of its options. */
export type OpAttributes = Readonly<Record<string, unknown>>;

export type Observer = (op: string, inputs: readonly Tensor[], output: Tensor, attributes: OpAttributes) => void;

const NO_ATTRIBUTES: OpAttributes = {};

let observer: Observer | undefined;

/** Gives `backward` the kernels that it adds and fills gradients with. `ops` has done so when it is imported. */
export function registerTapeKernels(implementation: TapeKernels): void {
  kernels = implementation;
}

/** Whether operations are recorded for `backward`: not within `noGrad`. */
export function isGradEnabled(): boolean {
  return recording;
}

/** Runs `fn` without recording operations. */
export function noGrad<T>(fn: () => T): T {
  const before = recording;
  recording = false;
  try {
    return fn();
  } finally {
    recording = before;
  }
}

/**
 * Runs `fn` and shows every operation to `look`, in order: how MACs are counted, a step's first bad tensor is found, and a
 * network is exported.
 */
export function observe<T>(look: Observer, fn: () => T): T {
  const before = observer;
  observer = look;
  try {
    return fn();
  } finally {
    observer = before;
  }
}

/**
 * Puts `output` on the tape when a gradient can reach one of `inputs`. Returns `output`. `attributes` are for observers:
 * with them and the inputs' values, what the operation did is known in full.
 * @throws when an input is not f32: kernels take any bits for floats
 */
export function record(
  op: string,
  inputs: readonly Tensor[],
  output: Tensor,
  backward: Node['backward'],
  attributes = NO_ATTRIBUTES,
): Tensor {
  for (const { dtype, shape } of inputs) {
    if (dtype !== 'f32')
      throw new Error(`${op}: takes tensors of dtype f32, not ${dtype}; given ${formatShape(shape)}`);
  }
  if (recording && inputs.some(input => input.requiresGrad)) {
    output.requiresGrad = true;
    output.node = { id: nextId++, op, inputs, backward };
  }
  observer?.(op, inputs, output, attributes);
  return output;
}

/**
 * Memory for the gradient of `input`, to be filled by the caller: the parameter's place in its optimiser's flat
 * buffer when it has one that holds no gradient yet, else a new tensor.
 */
export function gradientFor(input: Tensor): Tensor {
  if (input instanceof Parameter && input.gradStorage && !input.grad && !claimed.has(input)) {
    claimed.add(input);
    return new Tensor(input.shape, input.gradStorage.retain());
  }
  return Tensor.empty(input.shape, { device: input.device });
}

/** Parameters whose flat gradient was handed out in the running `backward`, and is not deposited yet. */
const claimed = new Set<Parameter>();

const ones = new WeakMap<Device, Tensor>();

/** The gradient of a loss by itself, written once a device: a write inside a step would split its command buffer. */
function onesLike(root: Tensor): Tensor {
  // What a rehearsal makes holds no values.
  if (root.device.isRehearsing) return Tensor.empty([1], { device: root.device });
  let one = ones.get(root.device);
  if (!one) {
    one = Tensor.ones([1], { device: root.device }).keep();
    ones.set(root.device, one);
  }
  return one;
}

function addInto(existing: Tensor, gradient: Tensor): Tensor {
  if (existing.storage.exclusive) {
    kernels!.accumulate(existing, gradient);
    return existing;
  }
  // Shared memory (an `add` hands the same gradient to both of its inputs) must not change under the other owner.
  const sum = Tensor.empty(existing.shape, { device: existing.device });
  sum.device.copy({ ...existing.slice, bytes: existing.size * 4 }, sum.slice);
  kernels!.accumulate(sum, gradient);
  existing.dispose();
  return sum;
}

/** Adds `gradient`, which passes to `tensor`, to what its `grad` holds. */
function deposit(tensor: Tensor, gradient: Tensor): void {
  if (tensor.grad) {
    const sum = addInto(tensor.grad, gradient);
    if (sum !== tensor.grad) tensor.grad = sum.keep();
    gradient.dispose();
    return;
  }
  const place: Storage | undefined = tensor instanceof Parameter ? tensor.gradStorage : undefined;
  if (place && gradient.storage !== place) {
    const grad = new Tensor(tensor.shape, place.retain());
    grad.device.copy({ ...gradient.slice, bytes: tensor.size * 4 }, grad.slice);
    gradient.dispose();
    tensor.grad = grad.keep();
  } else {
    tensor.grad = gradient.keep();
  }
}

/**
 * Deposits the gradient of `root` with respect to every leaf that requires one in the leaf's `grad`, adding to what is
 * there. `dy` is the gradient of `root` itself, ones by default, which then must have one element.
 */
export function backward(root: Tensor, dy?: Tensor): void {
  if (!root.node) throw new Error('backward() on a tensor that no gradient is recorded for');
  if (dy && !sameShape(dy.shape, root.shape)) {
    throw new Error(`backward() was given a gradient of ${formatShape(dy.shape)} for ${formatShape(root.shape)}`);
  }
  if (!dy && root.size !== 1) {
    throw new Error(`backward() without a gradient needs one element; the shape is ${formatShape(root.shape)}`);
  }
  const reachable = new Map<number, { node: Node; output: Tensor }>();
  const stack = [root];
  for (let tensor = stack.pop(); tensor; tensor = stack.pop()) {
    const node = tensor.node;
    if (!node || reachable.has(node.id)) continue;
    reachable.set(node.id, { node, output: tensor });
    stack.push(...node.inputs);
  }
  const gradients = new Map([[root, (dy ?? onesLike(root)).alias(root.shape)]]);
  const order = [...reachable.values()].sort((a, b) => b.node.id - a.node.id);
  try {
    for (const { node, output } of order) {
      const gradient = gradients.get(output);
      if (!gradient) continue;
      gradients.delete(output);
      const needs = node.inputs.map(input => input.requiresGrad);
      const results = noGrad(() => node.backward(gradient, needs));
      node.inputs.forEach((input, i) => {
        const result = results[i];
        if (!needs[i]) {
          result?.dispose();
          return;
        }
        if (!result) throw new Error(`${node.op}: backward gave no gradient for input ${i}`);
        if (!sameShape(result.shape, input.shape)) {
          throw new Error(
            `${node.op}: backward gave a gradient of ${formatShape(result.shape)} for input ${i} of ${formatShape(input.shape)}`,
          );
        }
        if (!input.node) {
          deposit(input, result);
          return;
        }
        const existing = gradients.get(input);
        if (existing) {
          gradients.set(input, addInto(existing, result));
          result.dispose();
        } else {
          gradients.set(input, result);
        }
      });
      if (output.retainsGrad) deposit(output, gradient.alias());
      gradient.dispose();
    }
  } finally {
    claimed.clear();
  }
}
