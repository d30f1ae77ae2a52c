import type { Device } from '../../gpu/device.js';
import { Tensor } from '../../tensor/index.js';
import { UserError } from '../../util/errors.js';
import { BATCH_NORM_EPS } from '../expected.js';
import { integers, OPERAND, values } from '../inputs.js';
import { outputSize, weightShape, type BatchNormWork, type KernelWork } from '../work.js';

/** What a reader's file that launches itself finds: tensors by the names of its bindings, and values for its `Params`. */
export interface Operands {
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** Filled with NaN before the first launch, so that what a kernel leaves out is seen. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly params: Readonly<Record<string, number>>;
}

/** Tensors on `device` with the values that every contestant of the benches gets. They belong to the caller. */
export function operandsOf(work: KernelWork, device: Device): Operands {
  const input = (operand: number, shape: readonly number[]) =>
    Tensor.from(
      values(
        operand,
        shape.reduce((product, size) => product * size, 1),
      ),
      shape,
      { device },
    ).keep();
  const output = (shape: readonly number[]) => Tensor.empty(shape, { device }).keep();
  switch (work.kind) {
    case 'matmul': {
      const { n } = work;
      const [a, b] = [input(OPERAND.x, [n, n]), input(OPERAND.w, [n, n])];
      return { inputs: { a, b }, outputs: { c: output([n, n]) }, params: { m: n, n, k: n } };
    }
    case 'conv2d': {
      const { pass, n, c, o, kernel, size, stride, padding, depthwise } = work;
      const out = outputSize(work);
      const groups = depthwise ? c : 1;
      const params = {
        ...{ n, h: size, w: size, c: c / groups, oh: out, ow: out, o: o / groups, kh: kernel, kw: kernel, groups },
        ...{ stride_h: stride, stride_w: stride, pad_h: padding, pad_w: padding, dilation_h: 1, dilation_w: 1 },
      };
      const x = [n, c, size, size];
      const dy = [n, o, out, out];
      const weight = weightShape(work);
      switch (pass) {
        case 'forward': {
          const inputs = { x: input(OPERAND.x, x), weight: input(OPERAND.w, weight) };
          return { inputs, outputs: { y: output(dy) }, params };
        }
        case 'input-gradient': {
          const inputs = { dy: input(OPERAND.dy, dy), weight: input(OPERAND.w, weight) };
          return { inputs, outputs: { dx: output(x) }, params };
        }
        case 'weight-gradient': {
          const inputs = { dy: input(OPERAND.dy, dy), x: input(OPERAND.x, x) };
          return { inputs, outputs: { dw: output(weight) }, params };
        }
      }
    }
    // eslint-disable-next-line no-fallthrough -- every pass has returned
    case 'batch-norm': {
      const { pass, n, c, size } = work;
      const shape = [n, c, size, size];
      const params = { rows: n * size * size, c, eps: BATCH_NORM_EPS };
      const inputs = { x: input(OPERAND.x, shape), weight: input(OPERAND.weight, [c]), bias: input(OPERAND.bias, [c]) };
      if (pass === 'forward') return { inputs, outputs: { y: output(shape) }, params };
      if (pass === 'train') break;
      const { mean, rstd } = statistics(work);
      const given = {
        mean: Tensor.from(mean, [c], { device }).keep(),
        rstd: Tensor.from(rstd, [c], { device }).keep(),
      };
      const outputs = { dx: output(shape), dweight: output([c]), dbias: output([c]) };
      return { inputs: { ...inputs, ...given, dy: input(OPERAND.dy, shape) }, outputs, params };
    }
    case 'cross-entropy': {
      const { n, k } = work;
      const labels = Tensor.from(integers(OPERAND.labels, n, k), [n], { dtype: 'u32', device }).keep();
      const inputs = { logits: input(OPERAND.x, [n, k]), labels };
      return { inputs, outputs: { loss: output([]), dlogits: output([n, k]) }, params: { n, k } };
    }
    case 'elementwise': {
      const { op, count } = work;
      const [a, b] = [input(OPERAND.x, [count]), input(OPERAND.w, [count])];
      return { inputs: op === 'relu' ? { x: a } : { a, b }, outputs: { y: output([count]) }, params: { count } };
    }
    case 'adam':
    case 'overhead':
    case 'pool':
  }
  throw new UserError(
    "a file with its own '//! dispatch' lines cannot stand for this kernel; give a changed copy of our shader file",
  );
}

/** Mean and 1/√(var + eps) of each channel, which the backward pass takes from the forward one. */
function statistics({ n, c, size }: BatchNormWork): Record<'mean' | 'rstd', Float32Array> {
  const x = values(OPERAND.x, n * c * size * size);
  const area = size * size;
  const count = n * area;
  const sums = new Float64Array(c);
  const squares = new Float64Array(c);
  x.forEach((value, i) => {
    sums[Math.floor(i / area) % c]! += value;
  });
  x.forEach((value, i) => {
    const channel = Math.floor(i / area) % c;
    squares[channel]! += (value - sums[channel]! / count) ** 2;
  });
  return {
    mean: Float32Array.from(sums, sum => sum / count),
    rstd: Float32Array.from(squares, sum => 1 / Math.sqrt(sum / count + BATCH_NORM_EPS)),
  };
}
