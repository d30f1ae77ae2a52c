import type { UpdateConstants, UpdateRule } from '../kernels/index.js';
import { UserError } from '../util/errors.js';
import { Optimizer, requireFrom0, type OptimizerGroup, type Parameters } from './optimizer.js';

export { Optimizer, type OptimizerGroup, type ParameterGroupOptions, type Parameters } from './optimizer.js';

/** Options of `Adam` and `AdamW`, those of torch.optim.Adam. */
export interface AdamOptions {
  readonly lr?: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  /** Added to the gradient as weightDecay · parameter (L2), as torch.optim.Adam does. */
  readonly weightDecay?: number;
}

/** Adam (Kingma and Ba, 2015) with torch.optim.Adam's defaults. */
export class Adam extends Optimizer {
  protected readonly rule = 'adam';
  protected override readonly correction = 'correct_adam';
  protected readonly constants: UpdateConstants;
  readonly #beta2: number;

  /** `decoupled` is for AdamW. */
  constructor(parameters: Parameters, options: AdamOptions = {}, decoupled = false) {
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
    for (const beta of betas) requireFrom0('beta', beta, 1);
    requireFrom0('eps', eps);
    super(parameters, { lr, weightDecay, momentum: betas[0] }, ['exp_avg', 'exp_avg_sq']);
    this.#beta2 = betas[1];
    this.constants = { smoothing: betas[1], eps, decoupled };
  }

  protected record({ lr, weightDecay, momentum: beta1 }: OptimizerGroup, step: number): readonly number[] {
    const decay = this.constants.decoupled ? lr * weightDecay : weightDecay;
    const corrections = [1 / Math.sqrt(1 - this.#beta2 ** step), step, lr, Math.log(this.#beta2)];
    return [lr / (1 - beta1 ** step), decay, beta1, 1 - beta1, ...corrections];
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov and Hutter, 2019): each step multiplies a parameter by 1 - lr · weightDecay
 * first. Defaults are torch.optim.AdamW's, whose weight decay is 0.01.
 */
export class AdamW extends Adam {
  constructor(parameters: Parameters, options: AdamOptions = {}) {
    super(parameters, { weightDecay: 0.01, ...options }, true);
  }
}

/** Options of `SGD`, those of torch.optim.SGD. */
export interface SGDOptions {
  readonly lr?: number;
  readonly momentum?: number;
  /** From the second update on, the velocity takes in (1 - dampening) · gradient. */
  readonly dampening?: number;
  /** Added to the gradient as weightDecay · parameter. */
  readonly weightDecay?: number;
  /** Needs a momentum, and no dampening. */
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent with momentum as torch.optim.SGD. */
export class SGD extends Optimizer {
  protected readonly rule: UpdateRule;
  protected readonly constants: UpdateConstants;
  protected override readonly correction;
  readonly #dampening: number;

  constructor(parameters: Parameters, options: SGDOptions = {}) {
    const { lr = 1e-3, momentum = 0, dampening = 0, weightDecay = 0, nesterov = false } = options;
    requireFrom0('dampening', dampening, Infinity);
    const groups = [...(parameters as Iterable<object>)] as Parameters;
    const moves = hasMomentum(groups, momentum);
    if (nesterov && (!moves || dampening !== 0)) {
      throw new UserError('Nesterov momentum needs a momentum above 0 and no dampening');
    }
    super(groups, { lr, weightDecay, momentum }, moves ? ['momentum_buffer'] : []);
    this.rule = moves ? 'sgd_momentum' : 'sgd';
    this.#dampening = dampening;
    this.correction = moves && dampening > 0 ? ('correct_sgd' as const) : undefined;
    this.constants = { nesterov };
  }

  protected record({ lr, weightDecay, momentum }: OptimizerGroup, step: number): readonly number[] {
    requireBuffer(this.rule === 'sgd_momentum', momentum);
    // The first velocity is the gradient itself; without momentum every one is.
    const gain = step === 1 || momentum === 0 ? 1 : 1 - this.#dampening;
    return [lr, weightDecay, momentum, gain, 0, step];
  }
}

/** Options of `RMSprop`, those of torch.optim.RMSprop. */
export interface RMSpropOptions {
  readonly lr?: number;
  /** Share of the mean of squares that a step keeps. */
  readonly alpha?: number;
  readonly eps?: number;
  /** Added to the gradient as weightDecay · parameter. */
  readonly weightDecay?: number;
  readonly momentum?: number;
  /** Divide by the deviation about the gradients' mean instead of by the root of their mean square. */
  readonly centered?: boolean;
}

/** RMSprop (Hinton, lecture notes, 2012; centred: Graves, 2013) as torch.optim.RMSprop. */
export class RMSprop extends Optimizer {
  protected readonly rule: UpdateRule;
  protected readonly constants: UpdateConstants;

  constructor(parameters: Parameters, options: RMSpropOptions = {}) {
    const { lr = 1e-2, alpha = 0.99, eps = 1e-8, weightDecay = 0, momentum = 0, centered = false } = options;
    requireFrom0('alpha', alpha, 1);
    requireFrom0('eps', eps);
    const groups = [...(parameters as Iterable<object>)] as Parameters;
    const moves = hasMomentum(groups, momentum);
    const state = ['square_avg', ...(moves ? ['momentum_buffer'] : []), ...(centered ? ['grad_avg'] : [])];
    super(groups, { lr, weightDecay, momentum }, state);
    this.rule = `rmsprop${centered ? '_centered' : ''}${moves ? '_momentum' : ''}`;
    this.constants = { smoothing: alpha, eps };
  }

  protected record({ lr, weightDecay, momentum }: OptimizerGroup): readonly number[] {
    requireBuffer(this.rule.endsWith('momentum'), momentum);
    return [lr, weightDecay, momentum];
  }
}

/** Whether some group has momentum, so that velocities must be kept. */
function hasMomentum(parameters: Parameters, momentum: number): boolean {
  return [...(parameters as Iterable<{ momentum?: number }>)].some(group => (group.momentum ?? momentum) > 0);
}

function requireBuffer(present: boolean, momentum: number): void {
  if (present || momentum === 0) return;
  throw new UserError('an optimizer that was made without momentum keeps no velocities; give it a momentum above 0');
}
