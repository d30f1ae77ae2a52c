import { ADAM, BATCH_NORM_EPS } from '../../expected.js';
import { integers, OPERAND, transposeEach, values } from '../../inputs.js';
import { outputSize, type BatchNormWork, type Conv2dWork, type KernelWork, type PoolWork } from '../../work.js';
import { Unsupported, type Prepared } from '../contestant.js';
import type { TF, TFCore, TFTensor } from './api.js';

interface Job {
  /** What it makes is freed, except what it returns. */
  readonly run: () => Readonly<Record<string, TFTensor>>;
  /** Brings a result into PyTorch's order; results that are in it already need nothing. */
  readonly toPyTorch?: Readonly<Record<string, (x: TFTensor) => TFTensor>>;
  readonly held: readonly { dispose(): void }[];
  /** What `run` returns lives on. */
  readonly keepsResults?: boolean;
}

/** Prepares one operation. Inputs are on the device already; images lie channels innermost, filters as (h,w,in,out). */
export async function prepareKernel(tf: TF, work: KernelWork): Promise<Prepared> {
  const { run, toPyTorch = {}, held, keepsResults = false } = jobOf(tf.core, work);
  const free = (tensors: Readonly<Record<string, TFTensor>>) => {
    if (!keepsResults) for (const tensor of Object.values(tensors)) tensor.dispose();
  };
  const first = tf.core.tidy(run);
  const results: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(first)) {
    const turn = toPyTorch[name] ?? ((x: TFTensor) => tf.core.reshape(x, x.shape));
    results[name] = await tf.read(tf.core.tidy(() => turn(tensor)));
  }
  free(first);
  return {
    results,
    launch: () => {
      free(tf.core.tidy(run));
    },
    finish: tf.finish,
    dispose: () => {
      for (const tensor of held) tensor.dispose();
    },
  };
}

function jobOf(tf: TFCore, work: KernelWork): Job {
  const vector = (operand: number, count: number) => tf.tensor(values(operand, count), [count]);
  switch (work.kind) {
    case 'matmul': {
      const { n } = work;
      const [a, b] = [tf.tensor(values(OPERAND.x, n * n), [n, n]), tf.tensor(values(OPERAND.w, n * n), [n, n])];
      return { run: () => ({ c: tf.matMul(a, b) }), held: [a, b] };
    }
    case 'conv2d':
      return conv2dJob(tf, work);
    case 'batch-norm':
      return batchNormJob(tf, work);
    case 'pool':
      return poolJob(tf, work);
    case 'cross-entropy': {
      const { n, k } = work;
      const logits = tf.tensor(values(OPERAND.x, n * k), [n, k]);
      const labels = Int32Array.from(integers(OPERAND.labels, n, k));
      const onehot = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), k), 'float32'));
      const both = tf.valueAndGrads(x => tf.losses.softmaxCrossEntropy(onehot, x));
      const run = () => {
        const { value, grads } = both([logits]);
        return { loss: value, dlogits: grads[0]! };
      };
      return { run, held: [logits, onehot] };
    }
    case 'elementwise': {
      const [a, b] = [vector(OPERAND.x, work.count), vector(OPERAND.w, work.count)];
      return { run: () => ({ y: work.op === 'relu' ? tf.relu(a) : tf.add(a, b) }), held: [a, b] };
    }
    case 'adam': {
      const p = tf.variable(vector(OPERAND.w, work.count));
      const tensor = vector(OPERAND.dy, work.count);
      const optimizer = tf.train.adam(ADAM.lr, ADAM.beta1, ADAM.beta2, ADAM.eps);
      const run = () => {
        optimizer.applyGradients([{ name: p.name, tensor }]);
        return { p };
      };
      return { run, held: [p, tensor, optimizer], keepsResults: true };
    }
    case 'overhead': {
      const [x, one] = [vector(OPERAND.x, work.count), tf.tensor(new Float32Array(work.count).fill(1), [work.count])];
      const run = () => {
        let y = x;
        for (let i = 0; i < work.ops; i++) y = tf.add(y, one);
        return { y };
      };
      return { run, held: [x, one] };
    }
  }
}

/** An operand (n,c,side,side) in TensorFlow's order (n,side,side,c). */
function images(tf: TFCore, operand: number, n: number, c: number, side: number): TFTensor {
  const data = transposeEach(values(operand, n * c * side * side), n, c, side * side);
  return tf.tensor(data, [n, side, side, c]);
}

const NCHW = [0, 3, 1, 2];

function conv2dJob(tf: TFCore, work: Conv2dWork): Job {
  const { pass, n, c, o, kernel, size, stride, padding, depthwise } = work;
  const x = images(tf, OPERAND.x, n, c, size);
  const inner = depthwise ? 1 : c;
  const w = tf.tidy(() => {
    const pytorch = tf.tensor(values(OPERAND.w, o * inner * kernel * kernel), [o, inner, kernel, kernel]);
    // (o,i,h,w) to (h,w,i,o); a depthwise filter (c,1,h,w) to (h,w,c,1).
    return tf.transpose(pytorch, depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]);
  });
  const dy = images(tf, OPERAND.dy, n, o, outputSize(work));
  const held = [x, w, dy];
  const [name, dilations] = depthwise ? ['DepthwiseConv2dNative', [1, 1]] : ['Conv2D', undefined];
  const attributes = { strides: [stride, stride], pad: padding, dataFormat: 'NHWC', dilations };
  switch (pass) {
    case 'forward': {
      const convolve = () => (depthwise ? tf.depthwiseConv2d(x, w, stride, padding) : tf.conv2d(x, w, stride, padding));
      return {
        run: () => ({ y: convolve() }),
        toPyTorch: { y: y => tf.transpose(y, NCHW) },
        held,
      };
    }
    case 'input-gradient': {
      const options = { ...attributes, inputShape: x.shape };
      return {
        run: () => ({ dx: tf.engine().runKernel(`${name}BackpropInput`, { dy, filter: w }, options) }),
        toPyTorch: { dx: dx => tf.transpose(dx, NCHW) },
        held,
      };
    }
    case 'weight-gradient': {
      const options = { ...attributes, filterShape: w.shape };
      return {
        run: () => ({ dw: tf.engine().runKernel(`${name}BackpropFilter`, { x, dy }, options) }),
        toPyTorch: { dw: dw => tf.transpose(dw, depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1]) },
        held,
      };
    }
  }
}

function batchNormJob(tf: TFCore, { pass, n, c, size }: BatchNormWork): Job {
  if (pass === 'backward') throw new Unsupported('has no backward pass by itself');
  const x = images(tf, OPERAND.x, n, c, size);
  const [weight, bias] = [tf.tensor(values(OPERAND.weight, c), [c]), tf.tensor(values(OPERAND.bias, c), [c])];
  // As its layer does in training, batchNormalization.
  const forward = (input: TFTensor, gamma: TFTensor, beta: TFTensor) => {
    const { mean, variance } = tf.moments(input, [0, 1, 2]);
    return tf.batchNorm(input, mean, variance, beta, gamma, BATCH_NORM_EPS);
  };
  if (pass === 'forward') {
    return {
      run: () => ({ y: forward(x, weight, bias) }),
      toPyTorch: { y: y => tf.transpose(y, NCHW) },
      held: [x, weight, bias],
    };
  }
  const dy = images(tf, OPERAND.dy, n, c, size);
  const backward = tf.grads(forward);
  return {
    run: () => {
      const [dx, dweight, dbias] = backward([x, weight, bias], dy) as [TFTensor, TFTensor, TFTensor];
      return { dx, dweight, dbias };
    },
    toPyTorch: { dx: dx => tf.transpose(dx, NCHW) },
    held: [x, weight, bias, dy],
  };
}

function poolJob(tf: TFCore, work: PoolWork): Job {
  const { pool, pass, n, c, size, kernel, stride, padding } = work;
  const x = images(tf, OPERAND.x, n, c, size);
  if (pool === 'global-avg') {
    if (pass === 'backward') throw new Unsupported('has no backward pass by itself');
    return { run: () => ({ y: tf.mean(x, [1, 2]) }), held: [x] };
  }
  const forward = () => tf.maxPool(x, kernel, stride, padding);
  if (pass === 'forward') {
    return { run: () => ({ y: forward() }), toPyTorch: { y: y => tf.transpose(y, NCHW) }, held: [x] };
  }
  const y = forward();
  const dy = images(tf, OPERAND.dy, n, c, outputSize(work));
  const attributes = { filterSize: [kernel, kernel], strides: [stride, stride], pad: padding };
  return {
    run: () => ({ dx: tf.engine().runKernel('MaxPoolGrad', { dy, input: x, output: y }, attributes) }),
    toPyTorch: { dx: dx => tf.transpose(dx, NCHW) },
    held: [x, y, dy],
  };
}
