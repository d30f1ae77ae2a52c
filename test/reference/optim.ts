/** PyTorch's update rules (the boxes in the documentation of torch.optim), one parameter tensor at a time. */

/** Changes `p` in place by the gradient `g`; holds the state that the next call needs. */
export type Update = (p: Float64Array, g: Float64Array) => void;

export interface SgdOptions {
  lr: number;
  momentum?: number;
  dampening?: number;
  nesterov?: boolean;
  weightDecay?: number;
}

export function sgd({ lr, momentum = 0, dampening = 0, nesterov = false, weightDecay = 0 }: SgdOptions): Update {
  let buffer: Float64Array | undefined;
  return (p, g) => {
    const decayed = g.map((value, i) => value + weightDecay * p[i]!);
    // The first step takes the gradient itself: dampening begins with the second.
    buffer = buffer ? buffer.map((b, i) => momentum * b + (1 - dampening) * decayed[i]!) : decayed.slice();
    for (let i = 0; i < p.length; i++) {
      const direction = momentum === 0 ? decayed[i]! : nesterov ? decayed[i]! + momentum * buffer[i]! : buffer[i]!;
      p[i]! -= lr * direction;
    }
  };
}

export interface AdamOptions {
  lr: number;
  betas?: [number, number];
  eps?: number;
  weightDecay?: number;
}

function adamLike({ lr, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 }: AdamOptions, decoupled: boolean): Update {
  const [beta1, beta2] = betas;
  let step = 0;
  let m: Float64Array | undefined;
  let v: Float64Array | undefined;
  return (p, g) => {
    step++;
    m ??= new Float64Array(p.length);
    v ??= new Float64Array(p.length);
    for (let i = 0; i < p.length; i++) {
      if (decoupled) p[i]! *= 1 - lr * weightDecay;
      const gradient = decoupled ? g[i]! : g[i]! + weightDecay * p[i]!;
      m[i] = beta1 * m[i]! + (1 - beta1) * gradient;
      v[i] = beta2 * v[i]! + (1 - beta2) * gradient ** 2;
      const mHat = m[i]! / (1 - beta1 ** step);
      const vHat = v[i]! / (1 - beta2 ** step);
      p[i]! -= (lr * mHat) / (Math.sqrt(vHat) + eps);
    }
  };
}

/** Weight decay is added to the gradient. */
export function adam(options: AdamOptions): Update {
  return adamLike(options, false);
}

/** Weight decay shrinks the parameter itself (Loshchilov and Hutter 2019); PyTorch's default for it is 0.01. */
export function adamW(options: AdamOptions): Update {
  return adamLike({ weightDecay: 0.01, ...options }, true);
}

export interface RmsPropOptions {
  lr: number;
  alpha?: number;
  eps?: number;
  weightDecay?: number;
  momentum?: number;
  centered?: boolean;
}

export function rmsProp(options: RmsPropOptions): Update {
  const { lr, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false } = options;
  let square: Float64Array | undefined;
  let mean: Float64Array | undefined;
  let buffer: Float64Array | undefined;
  return (p, g) => {
    square ??= new Float64Array(p.length);
    mean ??= new Float64Array(p.length);
    buffer ??= new Float64Array(p.length);
    for (let i = 0; i < p.length; i++) {
      const gradient = g[i]! + weightDecay * p[i]!;
      square[i] = alpha * square[i]! + (1 - alpha) * gradient ** 2;
      mean[i] = alpha * mean[i]! + (1 - alpha) * gradient;
      const spread = centered ? square[i]! - mean[i]! ** 2 : square[i]!;
      buffer[i] = momentum * buffer[i]! + gradient / (Math.sqrt(spread) + eps);
      p[i]! -= lr * buffer[i]!;
    }
  };
}

/** torch.nn.utils.clip_grad_norm_ with the 2-norm: the gradients, scaled together, and the norm that they had. */
export function clipByNorm(
  gradients: readonly Float64Array[],
  most: number,
): { norm: number; clipped: Float64Array[] } {
  const norm = Math.sqrt(gradients.reduce((sum, g) => sum + g.reduce((part, value) => part + value ** 2, 0), 0));
  const factor = Math.min(1, most / (norm + 1e-6));
  return { norm, clipped: gradients.map(g => g.map(value => value * factor)) };
}

/** torch.nn.utils.clip_grad_value_. */
export function clipByValue(gradients: readonly Float64Array[], most: number): Float64Array[] {
  return gradients.map(g => g.map(value => Math.min(most, Math.max(-most, value))));
}
