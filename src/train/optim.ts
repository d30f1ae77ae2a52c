import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { optimizerStep, type StepConstants, type UpdateRule } from '../kernels/index.js';
import { Storage, Tensor, type Parameter } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { FlatBlock, type Place } from './flat.js';

/** The optimiser's state of one parameter, by torch.optim's names (`exp_avg`, `exp_avg_sq`, `momentum_buffer`). */
export type ParameterState = Readonly<Record<string, Tensor>>;

interface Block {
  readonly flat: FlatBlock;
  readonly first: Storage | undefined;
  readonly second: Storage | undefined;
}

/**
 * What Adam and SGD share. The parameters move into flat buffers (FlatBlock), so that one launch updates all of them; those
 * that have no gradient at a step stay as they are, as in PyTorch.
 */
export abstract class Optimizer {
  /** Updates made. */
  steps = 0;
  protected readonly device: Device;
  readonly #parameters: readonly Parameter[];
  readonly #blocks: readonly Block[];
  readonly #stepState: Slice;

  /** `stateNames`: what each parameter needs beside its value, first and second buffer in order. */
  constructor(
    parameters: Iterable<Parameter>,
    public lr: number,
    private readonly stateNames: readonly string[],
  ) {
    this.#parameters = [...parameters];
    if (this.#parameters.length === 0) throw new UserError('an optimizer needs at least one parameter');
    if (!(lr >= 0) || !Number.isFinite(lr)) throw new UserError(`a learning rate is a number of at least 0, not ${lr}`);
    const device = this.#parameters[0]!.device;
    this.device = device;
    this.#blocks = FlatBlock.build(this.#parameters).map(flat => ({
      flat,
      first: this.#zeros(flat.bytes, stateNames.length > 0),
      second: this.#zeros(flat.bytes, stateNames.length > 1),
    }));
    this.#stepState = device.pool.acquire(16);
  }

  protected abstract readonly rule: UpdateRule;
  protected abstract readonly constants: StepConstants;
  protected readonly nesterov: boolean = false;

  /** What the kernel reads of this step, `steps` counted from 1 (shaders/optimizer.wgsl). */
  protected abstract stepValues(): readonly number[];

  /**
   * Updates every parameter that has a gradient. `totals`: where losses that were not finite are counted; from the first
   * one on nothing is updated (kernels/cross_entropy.ts).
   */
  step(totals: Slice = this.device.zeros): void {
    this.steps++;
    this.device.write(this.#stepState, Float32Array.from(this.stepValues()));
    for (const block of this.#blocks) {
      let first: Place | undefined;
      let last: Place | undefined;
      for (const place of [...block.flat.places, undefined]) {
        if (place?.parameter.grad) {
          this.#gather(place, place.parameter.grad);
          first ??= place;
          last = place;
        } else if (first && last) {
          this.#update(block, first, last, totals);
          first = last = undefined;
        }
      }
    }
  }

  zeroGrad(): void {
    for (const parameter of this.#parameters) {
      parameter.grad?.dispose();
      parameter.grad = undefined;
    }
  }

  /** State by parameter, in the order given to the constructor; tensors over the optimiser's own memory. */
  state(): ParameterState[] {
    return this.#blocks.flatMap(({ flat, first, second }) =>
      flat.places.map(({ parameter, offset, bytes }) =>
        Object.fromEntries(
          this.stateNames.map((name, i) => {
            const whole = (i === 0 ? first : second)!;
            const slice = { buffer: whole.slice.buffer, offset, bytes };
            return [name, new Tensor(parameter.shape, new Storage(this.device, slice, whole).retain())];
          }),
        ),
      ),
    );
  }

  /** Gives the optimiser's memory back. The parameters stay valid, the gradients do not. */
  dispose(): void {
    this.zeroGrad();
    for (const { flat, first, second } of this.#blocks) {
      flat.dispose();
      first?.release();
      second?.release();
    }
    this.device.pool.release(this.#stepState.buffer);
  }

  #zeros(bytes: number, needed: boolean): Storage | undefined {
    if (!needed) return undefined;
    const storage = new Storage(this.device, this.device.pool.acquire(bytes));
    this.device.clear(storage.slice);
    return storage;
  }

  /** A gradient that did not land in its flat place (it was set by hand, or summed elsewhere) is copied there. */
  #gather({ parameter, gradient }: Place, grad: Tensor): void {
    if (parameter.gradStorage !== gradient) {
      throw new Error('a parameter of this optimizer was given to another one since; make a new one to go on');
    }
    if (grad.storage !== gradient) this.device.copy({ ...grad.slice, bytes: grad.size * 4 }, gradient.slice);
  }

  #update(block: Block, first: Place, last: Place, totals: Slice): void {
    const range = block.flat.range(first, last);
    const { offset, bytes } = range.parameter;
    const of = (whole: Storage | undefined) => whole && { buffer: whole.slice.buffer, offset, bytes };
    optimizerStep(
      this.device,
      this.rule,
      { ...range, first: of(block.first), second: of(block.second) },
      this.#stepState,
      totals,
      this.constants,
      this.nesterov,
    );
  }
}

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
  protected readonly constants: StepConstants;
  readonly #betas: readonly [number, number];

  constructor(parameters: Iterable<Parameter>, options: AdamOptions = {}) {
    const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0 } = options;
    super(parameters, lr, ['exp_avg', 'exp_avg_sq']);
    this.#betas = betas;
    this.constants = { beta1: betas[0], beta2: betas[1], eps, weightDecay };
  }

  protected stepValues(): readonly number[] {
    const [beta1, beta2] = this.#betas;
    return [this.lr / (1 - beta1 ** this.steps), 1 / Math.sqrt(1 - beta2 ** this.steps)];
  }
}

export interface SGDOptions {
  readonly lr?: number;
  readonly momentum?: number;
  /** Added to the gradient as weightDecay · parameter. */
  readonly weightDecay?: number;
  /** Needs a momentum. */
  readonly nesterov?: boolean;
}

/** Stochastic gradient descent with momentum as torch.optim.SGD (dampening 0). */
export class SGD extends Optimizer {
  protected readonly rule: UpdateRule;
  protected readonly constants: StepConstants;
  protected override readonly nesterov: boolean;

  constructor(parameters: Iterable<Parameter>, options: SGDOptions = {}) {
    const { lr = 1e-3, momentum = 0, weightDecay = 0, nesterov = false } = options;
    if (nesterov && momentum === 0) throw new UserError('Nesterov momentum needs a momentum above 0');
    super(parameters, lr, momentum === 0 ? [] : ['momentum_buffer']);
    this.rule = momentum === 0 ? 'sgd' : 'sgd_momentum';
    this.nesterov = nesterov;
    this.constants = { weightDecay, momentum };
  }

  protected stepValues(): readonly number[] {
    return [this.lr];
  }
}
