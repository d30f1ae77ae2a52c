import type { Device } from '../gpu/device.js';
import type { Slice } from '../gpu/pool.js';
import {
  CHUNK_BYTES,
  FROZEN_CHUNK,
  gradientNorm,
  normPartsBytes,
  optimizerStep,
  RECORD_HEADER,
  RECORD_SIZE,
  type Clipping,
  type FlatMemory,
  type RecordCorrection,
  type UpdateConstants,
  type UpdateRule,
} from '../kernels/index.js';
import { Storage, Tensor, type Parameter } from '../tensor/index.js';
import { UserError } from '../util/errors.js';
import { FlatBlock, type Place } from './flat.js';
import type { GradScaler } from './grad-scaler.js';

/** The optimiser's state of one parameter, by torch.optim's names (`exp_avg`, `exp_avg_sq`, `momentum_buffer`). */
export type ParameterState = Readonly<Record<string, Tensor>>;

/** Options that groups of parameters may differ in; what a group leaves out is the optimiser's own. */
export interface GroupOptions {
  readonly lr?: number;
  readonly weightDecay?: number;
  /** SGD's and RMSprop's. */
  readonly momentum?: number;
}

/** Some of the parameters, with options of their own. */
export type ParameterGroupOptions = GroupOptions & { readonly parameters: Iterable<Parameter> };

/** What an optimiser is made for: parameters, or groups of them as in torch.optim. */
export type Parameters = Iterable<Parameter> | readonly ParameterGroupOptions[];

/** Parameters that are updated alike. Schedulers move `lr` and `momentum`. */
export interface OptimizerGroup {
  readonly parameters: readonly Parameter[];
  lr: number;
  weightDecay: number;
  /** Adam's is β1. */
  momentum: number;
}

export function requireFrom0(name: string, value: number, below = Infinity): void {
  if (value >= 0 && value < below) return;
  throw new UserError(
    `${name} is a number from 0 to ${below === Infinity ? 'any finite one' : `below ${below}`}, not ${value}`,
  );
}

/** What adds its own gradient to that of the loss. */
export interface GradientPenalty {
  /** Called at each step, before gradients are clipped, with the flat memory of each of the optimiser's blocks. */
  addTo(memories: readonly FlatMemory[]): void;
  dispose(): void;
}

interface Block {
  readonly flat: FlatBlock;
  readonly state: readonly Storage[];
  readonly memory: FlatMemory;
  /** The record of each place as the GPU has them, undefined for one that nothing updates; none before the first step. */
  records: readonly (number | undefined)[] | undefined;
}

/** A record: what parameters of one group with as many updates behind them are updated by. */
interface Update {
  readonly group: OptimizerGroup;
  /** Which update this is for them, from 1. */
  readonly step: number;
}

/**
 * What the optimisers share. The parameters move into flat buffers (FlatBlock), so that one launch updates all of them,
 * whatever their groups. Those that have no gradient at a step stay as they are and do not count it, as in PyTorch: the bias
 * correction of a parameter that is unfrozen late begins then.
 */
export abstract class Optimizer {
  /** In the order given to the constructor; all parameters given at once are one group. */
  readonly groups: readonly OptimizerGroup[];
  /** All groups' parameters, group by group. */
  readonly parameters: readonly Parameter[];
  /** Gradients are clipped by it at every step: torch.nn.utils.clip_grad_norm_ or clip_grad_value_, without a readback. */
  clipping: Clipping | undefined;
  /** Added to the gradients of every step before they are clipped; the optimiser disposes of it. */
  penalty: GradientPenalty | undefined;
  protected readonly device: Device;
  readonly #groupOf = new Map<Parameter, OptimizerGroup>();
  readonly #blocks: readonly Block[];
  /** Updates made of each parameter. */
  readonly #steps = new Map<Parameter, number>();
  /** What the kernels read of a step (optimizer.wgsl). */
  #records: Slice;
  #normParts: Slice | undefined;

  /** `stateNames`: what each parameter needs beside its value, in the order of the kernel's buffers. */
  constructor(
    parameters: Parameters,
    defaults: Required<GroupOptions>,
    private readonly stateNames: readonly string[],
  ) {
    this.groups = groupsOf(parameters, defaults);
    this.parameters = this.groups.flatMap(group => group.parameters);
    if (this.parameters.length === 0) throw new UserError('an optimizer needs at least one parameter');
    for (const group of this.groups) {
      requireFrom0('learning rate', group.lr);
      requireFrom0('weight decay', group.weightDecay);
      requireFrom0('momentum', group.momentum);
      for (const parameter of group.parameters) this.#groupOf.set(parameter, group);
    }
    const device = this.parameters[0]!.device;
    this.device = device;
    this.#records = device.pool.acquire(4 * (RECORD_HEADER + RECORD_SIZE));
    this.#blocks = FlatBlock.build(this.parameters).map(flat => {
      const state = stateNames.map(() => {
        const storage = new Storage(device, device.pool.acquire(flat.bytes));
        device.clear(storage.slice);
        return storage;
      });
      const chunks = device.pool.acquire((8 * flat.bytes) / CHUNK_BYTES);
      const memory = { ...flat.memory, state: state.map(({ slice }) => slice), chunks };
      return { flat, state, memory, records: undefined };
    });
  }

  protected abstract readonly rule: UpdateRule;
  protected abstract readonly constants: UpdateConstants;
  /** Where records depend on the number of updates: how they follow from those that a GradScaler did not leave out. */
  protected readonly correction: RecordCorrection | undefined = undefined;

  /** A group's record at its parameters' update number `step`, from 1: up to eight floats (optimizer.wgsl). */
  protected abstract record(group: OptimizerGroup, step: number): readonly number[];

  /** The first group's learning rate; setting it sets that of every group. */
  get lr(): number {
    return this.groups[0]!.lr;
  }

  set lr(lr: number) {
    for (const group of this.groups) group.lr = lr;
  }

  /** The flat memory of the parameters, for what goes through all of them at once. */
  get blocks(): readonly FlatBlock[] {
    return this.#blocks.map(({ flat }) => flat);
  }

  /** Updates made of each of `parameters`. */
  get steps(): readonly number[] {
    return this.parameters.map(parameter => this.#steps.get(parameter) ?? 0);
  }

  set steps(steps: readonly number[]) {
    if (steps.length !== this.parameters.length) {
      throw new UserError(`${steps.length} step counts for ${this.parameters.length} parameters`);
    }
    this.parameters.forEach((parameter, i) => this.#steps.set(parameter, steps[i]!));
  }

  /**
   * Updates every parameter that has a gradient. `totals`: where losses that were not finite are counted; from the first
   * one on nothing is updated (kernels/cross_entropy.ts). `scaler`: gradients come multiplied by its scale; where one of them
   * is not finite, nothing is updated at this step.
   */
  step(totals: Slice = this.device.zeros, scaler?: GradScaler): void {
    const updates: Update[] = [];
    for (const block of this.#blocks) {
      const records = block.flat.places.map(place => this.#count(place, updates));
      if (block.records && records.every((record, i) => record === block.records![i])) continue;
      this.device.write(block.memory.chunks, chunkTable(block.flat, records));
      block.records = records;
    }
    if (updates.length === 0) return;
    this.#writeRecords(updates);
    const { clipping, device } = this;
    const memories = this.#blocks.map(({ memory }) => memory);
    const { correction: entry } = this;
    const correction = entry && { entry, records: this.#records, count: updates.length };
    const guard = scaler?.decide(memories, totals, correction) ?? totals;
    this.penalty?.addTo(memories);
    if (clipping && 'norm' in clipping) {
      gradientNorm(device, memories, this.#partsFor(), this.#records, clipping.norm);
    }
    for (const memory of memories) {
      optimizerStep(device, this.rule, memory, this.#records, guard, this.constants, clipping);
    }
  }

  /** The norm of all gradients before they were clipped at the last step; reads it back. Only with clipping by norm. */
  async gradientNorm(): Promise<number> {
    if (!this.clipping || !('norm' in this.clipping)) throw new Error('this optimizer does not clip by the norm');
    return new Float32Array(await this.device.read(this.#records))[1]!;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters) {
      parameter.grad?.dispose();
      parameter.grad = undefined;
    }
  }

  /** State of each of `parameters`; tensors over the optimiser's own memory. */
  state(): ParameterState[] {
    return this.#blocks.flatMap(({ flat, state }) =>
      flat.places.map(place =>
        Object.fromEntries(this.stateNames.map((name, i) => [name, tensorOver(place, state[i]!, this.device)])),
      ),
    );
  }

  /** Gives the optimiser's memory back. The parameters stay valid, the gradients do not. */
  dispose(): void {
    this.zeroGrad();
    this.penalty?.dispose();
    const { pool } = this.device;
    for (const { flat, state, memory } of this.#blocks) {
      flat.dispose();
      for (const storage of state) storage.release();
      pool.release(memory.chunks.buffer);
    }
    pool.release(this.#records.buffer);
    if (this.#normParts) pool.release(this.#normParts.buffer);
  }

  /** The record of a place that has a gradient, whose update is counted; new records go to the end of `updates`. */
  #count(place: Place, updates: Update[]): number | undefined {
    const { parameter } = place;
    const { grad } = parameter;
    if (!grad) return undefined;
    this.#gather(place, grad);
    const step = (this.#steps.get(parameter) ?? 0) + 1;
    this.#steps.set(parameter, step);
    const group = this.#groupOf.get(parameter)!;
    const found = updates.findIndex(update => update.group === group && update.step === step);
    return found >= 0 ? found : updates.push({ group, step }) - 1;
  }

  /** A gradient that did not land in its flat place (it was set by hand, or summed elsewhere) is copied there. */
  #gather({ parameter, gradient }: Place, grad: Tensor): void {
    if (parameter.gradStorage !== gradient) {
      throw new Error('a parameter of this optimizer was given to another one since; make a new one to go on');
    }
    if (grad.storage !== gradient) this.device.copy({ ...grad.slice, bytes: grad.size * 4 }, gradient.slice);
  }

  #writeRecords(updates: readonly Update[]): void {
    const floats = new Float32Array(RECORD_HEADER + RECORD_SIZE * updates.length);
    updates.forEach(({ group, step }, i) => {
      floats.set(this.record(group, step), RECORD_HEADER + RECORD_SIZE * i);
    });
    if (floats.byteLength > this.#records.bytes) {
      this.device.pool.release(this.#records.buffer);
      this.#records = this.device.pool.acquire(floats.byteLength);
    }
    this.device.write(this.#records, floats);
  }

  #partsFor(): Slice {
    if (!this.#normParts) {
      this.#normParts = this.device.pool.acquire(normPartsBytes(this.#blocks.map(({ memory }) => memory)));
      this.device.clear(this.#normParts);
    }
    return this.#normParts;
  }
}

/** A tensor of the parameter's shape over its place in `whole`, memory as long as the parameter's block. */
export function tensorOver({ parameter, offset, bytes }: Place, whole: Storage, device: Device): Tensor {
  const slice = { buffer: whole.slice.buffer, offset: whole.slice.offset + offset, bytes };
  return new Tensor(parameter.shape, new Storage(device, slice, whole).retain());
}

function groupsOf(parameters: Parameters, defaults: Required<GroupOptions>): OptimizerGroup[] {
  const given = [...(parameters as Iterable<Parameter | ParameterGroupOptions>)];
  const groups = given.every(entry => entry instanceof Tensor)
    ? [{ parameters: given }]
    : (given as ParameterGroupOptions[]);
  return groups.map(({ parameters, ...options }) => ({ ...defaults, ...options, parameters: [...parameters] }));
}

/** For each chunk its record and how many of its elements belong to the parameter. */
function chunkTable(flat: FlatBlock, records: readonly (number | undefined)[]): Uint32Array {
  const table = new Uint32Array((2 * flat.bytes) / CHUNK_BYTES);
  flat.places.forEach(({ parameter, offset, bytes }, i) => {
    for (let byte = 0; byte < bytes; byte += CHUNK_BYTES) {
      const at = (2 * (offset + byte)) / CHUNK_BYTES;
      table[at] = records[i] ?? FROZEN_CHUNK;
      table[at + 1] = Math.min(CHUNK_BYTES / 4, parameter.size - byte / 4);
    }
  });
  return table;
}
