/** Runs inside this process, for faults that are too many for processes of their own. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { RunFolder } from '../../src/train/run.js';
import type { TrainOptions } from '../../src/train/types.js';
import { abortAtBatch, bandData, runIn, stateOf, type Recorder } from '../train/small-run.js';
import type { Stand } from './stand.js';
import { require } from './torture.js';

// 60 images make 4 steps an epoch. Dropout and batch normalisation: what has to be restored beside weights.
const data = bandData(60);

export const smallOptions: Partial<TrainOptions> = { inputSize: 16, lr: 1e-2, saveEverySteps: 3, saveEveryEpochs: 1 };

/** Of a run that saves nothing beside its last state and the one before. */
const bareOptions: Partial<TrainOptions> = { inputSize: 16, lr: 1e-2 };

const wholes = new WeakMap<Stand, Promise<string>>();

/** A small run that nothing befalls, made once. */
export function smallWhole(stand: Stand): Promise<string> {
  let whole = wholes.get(stand);
  if (!whole) {
    whole = runIn(stand.folder, 'small', data, smallOptions).then(({ path }) => path);
    wholes.set(stand, whole);
  }
  return whole;
}

/** A run of its own in `folder`, that stands where the whole one does. */
export async function copyOfSmall(stand: Stand, folder: string): Promise<string> {
  const path = join(folder, 'run');
  await cp(await smallWhole(stand), path, { recursive: true });
  return path;
}

export async function beginSmall(folder: string): Promise<void> {
  await runIn(folder, 'run', data, smallOptions);
}

/** A run of its own in `folder`, with options' defaults for what it saves, that was stopped after some of its steps. */
export async function beginBare(folder: string, steps: number): Promise<string> {
  const { data: until, signal } = abortAtBatch(data, steps - 1);
  return (await runIn(folder, 'run', until, bareOptions, { signal })).path;
}

/** `bare`: as `beginBare` began it. */
export async function resumeSmall(folder: string, { bare = false } = {}): Promise<Recorder> {
  return (await runIn(folder, 'run', data, bare ? bareOptions : smallOptions, { resume: true })).reporter;
}

/** @throws Broken where a run's files, of `names`, or its metrics are not those of the whole one */
export async function requireLikeSmall(stand: Stand, path: string, names: readonly string[]): Promise<void> {
  const whole = await smallWhole(stand);
  for (const name of names) {
    const [found, expected] = await Promise.all([join(path, name), join(whole, name)].map(stateOf));
    require(JSON.stringify(found) === JSON.stringify(expected), 'different', () => `${name} differs`);
  }
  const metricsOf = async (folder: string) =>
    (await (await RunFolder.open(folder)).readMetrics()).map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 }));
  const same = JSON.stringify(await metricsOf(path)) === JSON.stringify(await metricsOf(whole));
  require(same, 'different', () => 'metrics.csv differs');
}
