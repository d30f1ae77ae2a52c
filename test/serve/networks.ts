import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { readTrainedRun, type Trained } from '../../src/evaluate/trained.js';
import { init } from '../../src/nn/index.js';
import { setDefaultDevice } from '../../src/tensor/index.js';
import { saveWeights } from '../../src/train/checkpoint.js';
import { createModel } from '../../src/train/model.js';
import type { TrainSummary } from '../../src/train/types.js';
import { paths } from '../devices.js';
import { fillWeights } from '../export/weights.js';
import { makeRun } from '../train/catalogue/runs.js';

const CLASSES = ['a', 'b'];

/** Writes a run that has ended, as if it had been trained, at `folder`/`name`; its weights are random. */
export async function writeRun(
  folder: string,
  name: string,
  { model = 'simple-cnn', summary = {} }: { model?: string; summary?: Partial<TrainSummary> } = {},
): Promise<string> {
  setDefaultDevice(await paths.native());
  const images = { channels: 1, height: 48, width: 48 };
  const network = init.withoutValues(() => createModel({ model }, { name: 'faces', ...images }, CLASSES.length, false));
  fillWeights(network);
  const state = await network.stateDict();
  network.dispose();
  const path = join(folder, name);
  await makeRun(path, { end: 'finished', options: { model }, summary });
  const info = { model, classes: CLASSES, mean: [0.5], std: [0.25], images, epoch: 2 };
  await saveWeights(join(path, 'best.safetensors'), state, info);
  return path;
}

/** A PNG file of `width` by `height` pixels, by its header: no pixel stands in it. */
export function pngHeader(width: number, height: number): Buffer {
  const sizes = Buffer.alloc(13);
  sizes.writeUInt32BE(width, 0);
  sizes.writeUInt32BE(height, 4);
  // 8 bits of RGB.
  sizes.set([8, 2], 8);
  const chunk = (type: string, data: Buffer) => {
    const content = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(content));
    return Buffer.concat([length, content, sum]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  return Buffer.concat([
    signature,
    chunk('IHDR', sizes),
    chunk('IDAT', deflateSync('')),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A run of `writeRun`, as it is read. */
export async function trainedRun(...args: Parameters<typeof writeRun>): Promise<Trained> {
  return readTrainedRun(await writeRun(...args));
}
