import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import { optimizerStep, type StepConstants, type UpdateRule } from '../kernels/index.js';
import { Storage, Tensor, type Parameter } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { FlatBlock, type Place } from './flat.js';

/** The optimiser's state of one parameter, by torch.optim's names (`exp_avg`, `exp_avg_sq`, `momentum_buffer`). */
export type ParameterState = Readonly<Record<string, Tensor>>;

function requireFrom0(name: string, value: number, below = Infinity): void {
  if (value >= 0 && value < below) return;
  throw new UserError(
    `${name} is a number from 0 to ${below === Infinity ? 'any finite one' : `below ${below}`}, not ${value}`,
  );
}

/** Neighbours in a block that are updated by one launch: all have a gradient and as many updates behind them. */
interface Run {
  readonly block: Block;
  readonly first: Place;
  last: Place;
  /** Which update this is for them, from 1. */
  readonly step: number;
}

interface Block {
  readonly flat: FlatBlock;
  readonly first: Storage | undefined;
  readonly second: Storage | undefined;
}

/**
 * What Adam and SGD share. The parameters move into flat buffers (FlatBlock), so that one launch updates all of them. Those
 * that have no gradient at a step stay as they are and do not count it, as in PyTorch: the bias correction of a parameter
 * that is unfrozen late begins then.
 */
export abstract class Optimizer {
  protected readonly device: Device;
  readonly #parameters: readonly Parameter[];
  readonly #blocks: readonly Block[];
  /** Updates made of each parameter. */
  readonly #steps = new Map<Parameter, number>();
  /** What the kernel reads of a step: one slice for each number of updates that parameters have behind them. */
  readonly #stepStates: Slice[] = [];

  /** `stateNames`: what each parameter needs beside its value, first and second buffer in order. */
  constructor(
    parameters: Iterable<Parameter>,
    public lr: number,
    private readonly stateNames: readonly string[],
  ) {
    this.#parameters = [...parameters];
    if (this.#parameters.length === 0) throw new UserError('an optimizer needs at least one parameter');
    requireFrom0('learning rate', lr);
    const device = this.#parameters[0]!.device;
    this.device = device;
    this.#blocks = FlatBlock.build(this.#parameters).map(flat => ({
      flat,
      first: this.#zeros(flat.bytes, stateNames.length > 0),
      second: this.#zeros(flat.bytes, stateNames.length > 1),
    }));
  }

  protected abstract readonly rule: UpdateRule;
  protected abstract readonly constants: StepConstants;
  protected readonly nesterov: boolean = false;

  /** What the kernel reads of a parameter's update number `step`, from 1 (shaders/optimizer.wgsl). */
  protected abstract stepValues(step: number): readonly number[];

  /** Updates made of each parameter, in the order given to the constructor. */
  get steps(): readonly number[] {
    return this.#parameters.map(parameter => this.#steps.get(parameter) ?? 0);
  }

  set steps(steps: readonly number[]) {
    if (steps.length !== this.#parameters.length) {
      throw new UserError(`${steps.length} step counts for ${this.#parameters.length} parameters`);
    }
    this.#parameters.forEach((parameter, i) => this.#steps.set(parameter, steps[i]!));
  }

  /**
   * Updates every parameter that has a gradient. `totals`: where losses that were not finite are counted; from the first
   * one on nothing is updated (kernels/cross_entropy.ts).
   */
  step(totals: Slice = this.device.zeros): void {
    const runs: Run[] = [];
    for (const block of this.#blocks) {
      let run: Run | undefined;
      for (const place of block.flat.places) {
        const { grad } = place.parameter;
        if (!grad) {
          run = undefined;
          continue;
        }
        this.#gather(place, grad);
        const step = (this.#steps.get(place.parameter) ?? 0) + 1;
        this.#steps.set(place.parameter, step);
        if (run?.step === step) run.last = place;
        else runs.push((run = { block, first: place, last: place, step }));
      }
    }
    const states = new Map<number, Slice>();
    for (const { step } of runs) {
      if (states.has(step)) continue;
      const state = (this.#stepStates[states.size] ??= this.device.pool.acquire(16));
      this.device.write(state, Float32Array.from(this.stepValues(step)));
      states.set(step, state);
    }
    for (const run of runs) this.#update(run, states.get(run.step)!, totals);
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
    for (const { buffer } of this.#stepStates) this.device.pool.release(buffer);
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

  #update({ block, first, last }: Run, state: Slice, totals: Slice): void {
    const range = block.flat.range(first, last);
    const { offset, bytes } = range.parameter;
    const of = (whole: Storage | undefined) => whole && { buffer: whole.slice.buffer, offset, bytes };
    optimizerStep(
      this.device,
      this.rule,
      { ...range, first: of(block.first), second: of(block.second) },
      state,
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
    for (const beta of betas) requireFrom0('beta', beta, 1);
    requireFrom0('eps', eps);
    requireFrom0('weight decay', weightDecay);
    super(parameters, lr, ['exp_avg', 'exp_avg_sq']);
    this.#betas = betas;
    this.constants = { beta1: betas[0], beta2: betas[1], eps, weightDecay };
  }

  protected stepValues(step: number): readonly number[] {
    const [beta1, beta2] = this.#betas;
    return [this.lr / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step)];
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
    requireFrom0('momentum', momentum);
    requireFrom0('weight decay', weightDecay);
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
