import { join } from 'node:path';
import type { Device, Dispatch } from '../../../src/gpu/device.js';
import { align } from '../../../src/gpu/pool.js';
import { init } from '../../../src/nn/index.js';
import type { RandomStream } from '../../../src/util/random.js';
import { createModel } from '../../../src/train/model.js';
import { readTensorFile } from '../../../src/train/tensor-file.js';
import { paths } from '../../devices.js';
import { base } from '../../train/small-run.js';
import { beginSmall, requireLikeSmall, resumeSmall, smallOptions } from '../small.js';
import { filesOf, hasBegun, requireTidy, type Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** Steps of each epoch of a small run, and updates of its weights. */
const STEPS = 4;
const UPDATES = 12;
/** After these updates it saves its state: every three steps, and after each epoch. */
const SAVED = [3, 4, 6, 8, 9, 12];
/** What batch normalisation adds before a ReLU: minus infinity there is 0 behind it. */
const HIDDEN = /^net\.(1|5|9)\.bias$/;
const MEMORIES = ['parameter', 'gradient', 'first', 'second'] as const;
const VALUES = [NaN, Infinity, -Infinity] as const;

/** A run into whose weights, gradients or moments a value that is not finite gets, just before some update. */
async function round(stand: Stand, { random, folder }: Round): Promise<Tally> {
  const path = join(folder, 'run');
  const device = await paths.native();
  const { message, ...bad } = await withBadValue(device, random, () => beginSmall(folder));
  const { what, parameter } = bad;
  await requireAllFinite(path);
  await requireTidy(path);
  if (message !== undefined) {
    require(parameter !== undefined, 'unsaid', () => `${what}, which belongs to no weight: ${message}`);
    requireNamed(message, { ...bad, parameter });
    require(await hasBegun(path), 'lost', () => `${what}: the run is gone`);
    await resumeSmall(folder);
  }
  // Where it befell memory that belongs to no weight, nothing has come of it.
  require(message !== undefined || parameter === undefined, 'unsaid', () => `${what}: nothing was said`);
  await requireLikeSmall(stand, path, ['last.safetensors', 'best.safetensors']);
  return { faults: 1, told: message === undefined ? 0 : 1 };
}

interface BadValue {
  readonly what: string;
  /** The update before which it got in, from 1. */
  readonly update: number;
  /** Whose value, gradient or moment it is; undefined between two parameters. */
  readonly parameter: string | undefined;
  /** Whether it is an infinite second moment, which only keeps the parameter where it is. */
  readonly ofSecond: boolean;
}

/**
 * That a message names the learning rate, the parameter that the value got into, and where it was seen: a state that is saved
 * after this update, the validation that follows an epoch's last, or else the loss of the very next step.
 */
function requireNamed(message: string, { what, update, parameter, ofSecond }: BadValue & { parameter: string }): void {
  const [epoch, step] = placeOf(update);
  const saved = SAVED.find(done => done >= update)!;
  const [epochSaved, stepSaved] = placeOf(saved);
  const place = stepSaved === STEPS ? `after epoch ${epochSaved}` : `after step ${stepSaved} of epoch ${epochSaved}`;
  const state = (tensor: string) => `the state ${place} is not finite: the first bad tensor is ${tensor}. `;
  const loss =
    step === STEPS
      ? `the validation loss is not finite after step ${step} of epoch ${epoch}`
      : `the loss is not finite at epoch ${epoch}, step ${step + 1}`;
  const expected = [
    ofSecond ? state(`optimizer.exp_avg_sq.${parameter}`) : undefined,
    // A state in the midst of an epoch is saved before anything computes with the weights again; and what ReLU makes 0 of
    // shows in no loss.
    !ofSecond && ((saved === update && step !== STEPS) || HIDDEN.test(parameter)) ? state(parameter) : undefined,
    !ofSecond && (saved !== update || step === STEPS)
      ? `${loss}: the first bad tensor is parameter ${parameter} `
      : undefined,
  ].filter(text => text !== undefined);
  const said = expected.some(text => message.startsWith(text)) && message.includes('The learning rate was 0.01. ');
  require(said, 'unsaid', () => `${what}, which is told as: ${message}\n  instead of: ${expected.join(' or ')}`);
}

/** Epoch and step of an update, from 1. */
function placeOf(update: number): [epoch: number, step: number] {
  return [Math.ceil(update / STEPS), ((update - 1) % STEPS) + 1];
}

/** Runs `fn`, and tells its error's message; one element of what one of the updates reads is not finite. */
async function withBadValue(
  device: Device,
  random: RandomStream,
  fn: () => Promise<unknown>,
): Promise<BadValue & { message?: string }> {
  const update = 1 + random.integer(UPDATES);
  const memory = MEMORIES[random.integer(MEMORIES.length)]!;
  const value = VALUES[random.integer(VALUES.length)]!;
  const place = random.uniform();
  const dispatch = device.dispatch.bind(device);
  let updates = 0;
  let parameter: string | undefined;
  device.dispatch = (call: Dispatch) => {
    const slice = call.shader === 'optimizer' && 'records' in call.bindings ? call.bindings[memory] : undefined;
    if (slice && !device.isRehearsing && ++updates === update) {
      const at = 4 * Math.floor((place * slice.bytes) / 4);
      device.write({ buffer: slice.buffer, offset: slice.offset + at, bytes: 4 }, Float32Array.of(value));
      parameter = parameterAt(at);
    }
    dispatch(call);
  };
  let message: string | undefined;
  try {
    await fn();
  } catch (error) {
    ({ message } = error as Error);
  } finally {
    device.dispatch = dispatch;
  }
  const what = `${value} in a ${memory} of ${parameter ?? 'no parameter'} before update ${update}`;
  const ofSecond = memory === 'second' && value === Infinity;
  return { ...{ what, update, parameter, ofSecond }, ...(message === undefined ? {} : { message }) };
}

/** The parameter of the small run's network that has an element at such a byte of the flat memory (src/train/flat.ts). */
function parameterAt(at: number): string | undefined {
  const data = { name: 'bands', channels: 1, height: 48, width: 48 };
  const model = init.withoutValues(() => createModel({ model: base.model, ...smallOptions }, data, 3, false));
  let offset = 0;
  for (const [name, { size }] of model.namedParameters()) {
    if (at < offset + 4 * size) return at < offset ? undefined : name;
    offset += align(4 * size);
  }
  return undefined;
}

async function requireAllFinite(path: string): Promise<void> {
  for (const name of (await filesOf(path)).filter(name => name.endsWith('.safetensors'))) {
    for (const [tensor, { dtype, data }] of (await readTensorFile(join(path, name))).tensors) {
      const bad = dtype === 'F32' && !(data as Float32Array).every(value => Number.isFinite(value));
      require(!bad, 'lost', () => `${name} holds a ${tensor} that is not finite`);
    }
  }
}

export const nan: TortureCase = {
  name: 'nan',
  promise:
    'a value that is not finite ends the run with a message that names the step or the state, the learning rate and the first bad tensor; it ' +
    'is never saved, and from what was saved before the run goes on to the same bits',
  faults: 'bad values',
  ...{ short: 4, long: 200 },
  round,
};
