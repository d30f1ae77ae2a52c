/** Whether the files that a sitting left are those that it found, or such as the undisturbed run has on its way, too. */
import { join } from 'node:path';
import { checkpointName } from '../../src/train/checkpoints.js';
import { loadWeights, readPlace } from '../../src/train/checkpoint.js';
import { RunFolder } from '../../src/train/run.js';
import { readTensorFile } from '../../src/train/tensor-file.js';
import { stateOf } from '../train/small-run.js';
import { digestsOf, type Plan, type Stand } from './stand.js';
import { require } from './torture.js';

/**
 * Compares a run's files with `before`, those at the end of the sitting before the last; gives what they are now.
 * @throws Broken where one is neither as it was nor as the undisturbed run has it, or where one is gone that had to stay
 */
export async function requireOwnStates(
  stand: Stand,
  plan: Plan,
  path: string,
  before: ReadonlyMap<string, string>,
): Promise<Map<string, string>> {
  const now = await digestsOf(path);
  const states = await stand.wholeWithStates(plan);
  for (const name of before.keys()) {
    // Of checkpoints the newest are kept.
    require(now.has(name) || name.startsWith('checkpoints/'), 'lost', () => `${name} is gone`);
  }
  for (const [name, digest] of now) {
    if (before.get(name) === digest) continue;
    const own = await isOwn(join(path, name), name, path, states);
    require(own, 'different', () => `${name} is neither what it was nor what the undisturbed run has`);
  }
  return now;
}

async function isOwn(file: string, name: string, path: string, states: string): Promise<boolean> {
  if (name === 'best.safetensors') return isBestOf(file, states);
  if (name.endsWith('.safetensors')) {
    const same = await stateOf(join(states, 'checkpoints', checkpointName(await readPlace(file))));
    return JSON.stringify(await stateOf(file)) === JSON.stringify(same);
  }
  if (name === 'metrics.csv') {
    const [own, all] = await Promise.all([path, states].map(metricsOf));
    return JSON.stringify(own) === JSON.stringify(all!.slice(0, own!.length));
  }
  // A log of its own sitting, and what is written once, when a run begins.
  return name.startsWith('events.') || name === 'config.json';
}

/** Best weights are those of the state after their epoch, or its moving average. */
async function isBestOf(file: string, states: string): Promise<boolean> {
  const epochs = (await loadWeights(file)).info!.epoch;
  const { tensors } = await readTensorFile(join(states, 'checkpoints', checkpointName({ epochs, step: 0 })));
  return [...(await readTensorFile(file)).tensors].every(([name, { data }]) => {
    const expected = (tensors.get(`ema.${name}`) ?? tensors.get(name))?.data;
    return expected !== undefined && Buffer.from(bytesOf(data)).equals(bytesOf(expected));
  });
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

async function metricsOf(path: string): Promise<object[]> {
  const rows = await (await RunFolder.open(path)).readMetrics();
  return rows.map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 }));
}
