import type { Device } from '../../../gpu/device.js';
import {
  add,
  batchNorm,
  conv2d,
  crossEntropy,
  globalAvgPool2d,
  matmul,
  maxPool2d,
  relu,
} from '../../../kernels/index.js';
import { backward, noGrad, Parameter, scope, Tensor } from '../../../tensor/index.js';
import { Adam } from '../../../train/optim.js';
import type { Results } from '../../check.js';
import { ADAM, BATCH_NORM_EPS } from '../../expected.js';
import { integers, OPERAND, values } from '../../inputs.js';
import { weightShape, type BatchNormWork, type Conv2dWork, type KernelWork, type PoolWork } from '../../work.js';
import type { Prepared } from '../contestant.js';

/** What to launch, and what to read after the first launch. */
export interface Job {
  /** Runs in a scope; what it returns is read once, and freed. */
  readonly run: () => Readonly<Record<string, Tensor>>;
  /** Tensors that live as long as the job. */
  readonly held: readonly { dispose(): void }[];
}

/** Prepares one kernel on `device`, with inputs that are on the device already. */
export async function prepareKernel(device: Device, work: KernelWork): Promise<Prepared> {
  const { run, held } = jobOf(work);
  const first = scope(() => Object.entries(run()).map(([name, tensor]) => [name, tensor.keep()] as const));
  const results: Record<string, Float32Array> = {};
  for (const [name, tensor] of first) {
    results[name] = await tensor.data();
    tensor.dispose();
  }
  return {
    results: results satisfies Results,
    launch: () => {
      scope(() => {
        for (const tensor of Object.values(run())) tensor.dispose();
      });
    },
    finish: () => device.settle(),
    dispose: () => {
      for (const tensor of held) tensor.dispose();
    },
  };
}

function tensor(operand: number, shape: readonly number[], requiresGrad = false): Tensor {
  return Tensor.from(
    values(
      operand,
      shape.reduce((product, size) => product * size, 1),
    ),
    shape,
    { requiresGrad },
  ).keep();
}

/** The launches for `work` on the default device, with their operands there. */
export function jobOf(work: KernelWork): Job {
  switch (work.kind) {
    case 'matmul': {
      const [a, b] = [tensor(OPERAND.x, [work.n, work.n]), tensor(OPERAND.w, [work.n, work.n])];
      return { run: () => ({ c: matmul(a, b) }), held: [a, b] };
    }
    case 'conv2d':
      return conv2dJob(work);
    case 'batch-norm':
      return batchNormJob(work);
    case 'pool':
      return poolJob(work);
    case 'cross-entropy': {
      const logits = tensor(OPERAND.x, [work.n, work.k], true);
      const labels = Tensor.from(integers(OPERAND.labels, work.n, work.k), [work.n], { dtype: 'u32' }).keep();
      const run = () => {
        const loss = crossEntropy(logits, labels);
        backward(loss);
        return { loss, ...gradients({ dlogits: logits }) };
      };
      return { run, held: [logits, labels] };
    }
    case 'elementwise': {
      const [a, b] = [tensor(OPERAND.x, [work.count]), tensor(OPERAND.w, [work.count])];
      return { run: () => ({ y: work.op === 'relu' ? relu(a) : add(a, b) }), held: [a, b] };
    }
    case 'adam': {
      const p = Parameter.of(values(OPERAND.w, work.count), [work.count]);
      const { lr, beta1, beta2, eps } = ADAM;
      const optimizer = new Adam([p], { lr, betas: [beta1, beta2], eps });
      // Where a backward pass would leave it: in the optimiser's own memory, so that nothing is copied.
      const grad = new Tensor(p.shape, p.gradStorage!.retain()).keep();
      grad.set(values(OPERAND.dy, work.count));
      p.grad = grad;
      const run = () => {
        optimizer.step();
        return { p: p.alias() };
      };
      return { run, held: [optimizer, p] };
    }
    case 'overhead': {
      const [x, one] = [tensor(OPERAND.x, [work.count]), Tensor.ones([work.count]).keep()];
      const run = () => {
        let y = x;
        for (let i = 0; i < work.ops; i++) y = add(y, one);
        return { y };
      };
      return { run, held: [x, one] };
    }
  }
}

/** Takes the gradients that a backward pass has left in `leaves`. */
function gradients(leaves: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  const taken: Record<string, Tensor> = {};
  for (const [name, leaf] of Object.entries(leaves)) {
    taken[name] = leaf.grad!;
    leaf.grad = undefined;
  }
  return taken;
}

/** `forward` on the tape once, then `backward` as often as wanted. */
function backwardJob(leaves: Readonly<Record<string, Tensor>>, held: readonly Tensor[], forward: () => Tensor): Job {
  const y = forward().keep();
  const dy = tensor(OPERAND.dy, y.shape);
  const run = () => {
    backward(y, dy);
    return gradients(leaves);
  };
  return { run, held: [...held, y, dy] };
}

function conv2dJob(work: Conv2dWork): Job {
  const { pass, n, c, size, stride, padding, depthwise } = work;
  const x = tensor(OPERAND.x, [n, c, size, size], pass === 'input-gradient');
  const w = tensor(OPERAND.w, weightShape(work), pass === 'weight-gradient');
  const forward = () => conv2d(x, w, undefined, { stride, padding, groups: depthwise ? c : 1 });
  switch (pass) {
    case 'forward':
      return { run: () => ({ y: forward() }), held: [x, w] };
    case 'input-gradient':
      return backwardJob({ dx: x }, [x, w], forward);
    case 'weight-gradient':
      return backwardJob({ dw: w }, [x, w], forward);
  }
}

function batchNormJob({ pass, n, c, size }: BatchNormWork): Job {
  const learns = pass !== 'forward';
  const x = tensor(OPERAND.x, [n, c, size, size], learns);
  const [weight, bias] = [tensor(OPERAND.weight, [c], learns), tensor(OPERAND.bias, [c], learns)];
  const [mean, variance] = [Tensor.zeros([c]).keep(), Tensor.ones([c]).keep()];
  const held = [x, weight, bias, mean, variance];
  const forward = () => batchNorm(x, mean, variance, weight, bias, { training: true, eps: BATCH_NORM_EPS });
  const leaves = { dx: x, dweight: weight, dbias: bias };
  switch (pass) {
    case 'forward':
      return { run: () => ({ y: forward() }), held };
    case 'backward':
      return backwardJob(leaves, held, forward);
    case 'train': {
      const dy = tensor(OPERAND.dy, x.shape);
      const run = () => {
        backward(forward(), dy);
        return gradients(leaves);
      };
      return { run, held: [...held, dy] };
    }
  }
}

function poolJob(work: PoolWork): Job {
  const { pool, pass, n, c, size, kernel, stride, padding } = work;
  const x = tensor(OPERAND.x, [n, c, size, size], pass === 'backward');
  const forward = () => (pool === 'max' ? maxPool2d(x, kernel, { stride, padding }) : globalAvgPool2d(x));
  if (pass === 'backward') return backwardJob({ dx: x }, [x], forward);
  return { run: () => ({ y: noGrad(forward) }), held: [x] };
}
