import { join } from 'node:path';
import type { Device, Dispatch } from '../../../src/gpu/device.js';
import type { RandomStream } from '../../../src/util/random.js';
import { readTensorFile } from '../../../src/train/tensor-file.js';
import { paths } from '../../devices.js';
import { beginSmall, requireLikeSmall, resumeSmall } from '../small.js';
import { filesOf, hasBegun, requireTidy, type Stand } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** Updates of the weights in a small run. */
const UPDATES = 12;
const MEMORIES = ['parameter', 'gradient', 'first', 'second'] as const;
const VALUES = [NaN, Infinity, -Infinity] as const;

/** A run into whose weights, gradients or moments a value that is not finite gets, just before some update. */
async function round(stand: Stand, { random, folder }: Round): Promise<Tally> {
  const path = join(folder, 'run');
  const device = await paths.native();
  const { what, message } = await withBadValue(device, random, () => beginSmall(folder));
  await requireAllFinite(path);
  await requireTidy(path);
  if (message !== undefined) {
    const said = /not finite.*the first bad tensor is .+The learning rate was 0\.01\./s.test(message);
    require(said, 'unsaid', () => `${what}: ${message}`);
    require(await hasBegun(path), 'lost', () => `${what}: the run is gone`);
    await resumeSmall(folder);
  }
  // Where it befell memory that belongs to no weight, nothing has come of it.
  await requireLikeSmall(stand, path, ['last.safetensors', 'best.safetensors']);
  return { faults: 1, told: message === undefined ? 0 : 1 };
}

/** Runs `fn`, and tells its error's message; one element of what one of the updates reads is not finite. */
async function withBadValue(device: Device, random: RandomStream, fn: () => Promise<unknown>) {
  const update = 1 + random.integer(UPDATES);
  const memory = MEMORIES[random.integer(MEMORIES.length)]!;
  const value = VALUES[random.integer(VALUES.length)]!;
  const place = random.uniform();
  const dispatch = device.dispatch.bind(device);
  let updates = 0;
  device.dispatch = (call: Dispatch) => {
    const slice = call.shader === 'optimizer' && 'records' in call.bindings ? call.bindings[memory] : undefined;
    if (slice && !device.isRehearsing && ++updates === update) {
      const offset = slice.offset + 4 * Math.floor((place * slice.bytes) / 4);
      device.write({ buffer: slice.buffer, offset, bytes: 4 }, Float32Array.of(value));
    }
    dispatch(call);
  };
  const what = `${value} in a ${memory} before update ${update}`;
  try {
    await fn();
    return { what };
  } catch (error) {
    return { what, message: (error as Error).message };
  } finally {
    device.dispatch = dispatch;
  }
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
    'a value that is not finite ends the run with a message that names the step, the learning rate and the first bad tensor; it ' +
    'is never saved, and from what was saved before the run goes on to the same bits',
  faults: 'bad values',
  ...{ short: 4, long: 200 },
  round,
};
