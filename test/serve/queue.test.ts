import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawFace } from '../../src/data/synthetic/dataset.js';
import { Predictor } from '../../src/evaluate/predict/predict.js';
import { jsonOf } from '../../src/evaluate/predict/rows.js';
import { loadFaceDetector } from '../../src/faces/node.js';
import type { Device } from '../../src/gpu/device.js';
import { openDevice } from '../../src/gpu/node.js';
import { prepareModels, type ServedModel } from '../../src/serve/models.js';
import { ClassifyQueue, type Question } from '../../src/serve/queue.js';
import { Refusal } from '../../src/serve/refusal.js';
import { UserError } from '../../src/util/errors.js';
import { paths } from '../devices.js';
import { pictureWith } from '../faces/pictures.js';
import { trainedRun } from './networks.js';

let folder: string;
let cnn: ServedModel;
let mlp: ServedModel;
let faces: Buffer[];
let photograph: Buffer;
let queue: ClassifyQueue;
/** Those that the queue has opened, in order. */
const devices: Device[] = [];
const notes: string[] = [];
/** Thrown instead of the next device. */
let refusal: Error | undefined;

async function pngOf(data: Uint8Array, width: number, height: number): Promise<Buffer> {
  return sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-queue-'));
  const trained = [await trainedRun(folder, 'cnn'), await trainedRun(folder, 'mlp', { model: 'simple-mlp' })];
  [cnn, mlp] = (await prepareModels(trained.map(one => ({ trained: one })))) as [ServedModel, ServedModel];
  faces = await Promise.all(
    Array.from({ length: 20 }, (_, i) => {
      const face = new Uint8Array(48 * 48);
      drawFace(4, i, i % 7, face);
      return pngOf(face, 48, 48);
    }),
  );
  const { data, width, height } = pictureWith(320, 200, [
    { number: 1, side: 80, x: 20, y: 60 },
    { number: 2, side: 120, x: 170, y: 40 },
  ]);
  photograph = await pngOf(data, width, height);
  queue = new ClassifyQueue({
    onNote: text => notes.push(text),
    openDevice: async options => {
      if (refusal) throw refusal;
      const device = await openDevice(options);
      devices.push(device);
      return device;
    },
  });
});

afterAll(async () => {
  await queue.dispose();
  await rm(folder, { recursive: true, force: true });
});

function question(bytes: Uint8Array, more: Partial<Question> = {}): Question {
  return { model: cnn, file: 'face', bytes, pixels: 48 * 48, faces: false, gradCam: false, ...more };
}

/** What `facegrad predict` says of images one after the other. */
async function predicted(model: ServedModel, images: readonly Buffer[], find = false): Promise<object[]> {
  const detector = find ? await loadFaceDetector() : undefined;
  const predictor = Predictor.place(await paths.native(), model.trained, {
    batchSize: 64,
    ...(detector ? { faces: { detector } } : {}),
  });
  const inputs = images.map(bytes => ({ file: 'face', read: () => Promise.resolve(bytes) }));
  const rows: object[] = [];
  for await (const result of predictor.predict(inputs)) rows.push(jsonOf(result));
  predictor.dispose();
  detector?.dispose();
  return rows;
}

describe('ClassifyQueue', () => {
  it('opens its adapter when it is first asked', async () => {
    expect([queue.adapter, devices.length]).toEqual([undefined, 0]);
    refusal = new UserError('no WebGPU adapter was found');
    const fault = await queue.classify(question(faces[0]!)).catch((error: unknown) => error);
    // Of the machine, not of whoever asks.
    expect(fault).not.toBeInstanceOf(UserError);
    expect(fault).toMatchObject({ message: 'no WebGPU adapter was found' });
    refusal = undefined;
    await queue.classify(question(faces[0]!));
    expect(devices).toHaveLength(1);
    expect(queue.adapter).toBeTruthy();
  });

  it('answers many at once as predict does, each whoever else asks', async () => {
    const [first, second] = [await predicted(cnn, faces), await predicted(mlp, faces)];
    expect(new Set(first.map(row => JSON.stringify(row))).size).toBeGreaterThan(10);
    const { readbacks } = devices[0]!.counts;
    const asked = faces.flatMap(bytes => [question(bytes), question(bytes, { model: mlp })]);
    const answers = await Promise.all(asked.map(one => queue.classify(one)));
    expect(answers).toEqual(first.flatMap((row, i) => [[row], [second[i]]]));
    // Those that waited for one network became batches: one alone, then 16, 2 and 1 of it, and 16 and 4 of the other.
    expect(devices).toHaveLength(1);
    expect(devices[0]!.counts.readbacks - readbacks).toBe(6);
  });

  it('answers for each face, and draws what spoke for it', async () => {
    const expected = await predicted(cnn, [photograph], true);
    expect(expected).toHaveLength(2);
    const find = { faces: true, pixels: 320 * 200 };
    const [found, again, drawn] = await Promise.all([
      queue.classify(question(photograph, find)),
      queue.classify(question(photograph, find)),
      queue.classify(question(photograph, { ...find, gradCam: true })),
    ]);
    expect(found).toEqual(expected);
    expect(again).toEqual(expected);
    for (const [i, { gradCam, ...row }] of drawn.entries()) {
      expect(row).toEqual(expected[i]);
      const [kind, data] = gradCam!.split(',') as [string, string];
      expect(kind).toBe('data:image/png;base64');
      const { data: pixels, info } = await sharp(Buffer.from(data, 'base64'))
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: 48, height: 48, channels: 3 });
      expect(new Set(pixels).size).toBeGreaterThan(20);
    }
    const none = queue.classify(question(faces[0]!, { model: mlp, gradCam: true }));
    await expect(none).rejects.toThrow(Refusal);
  });

  it('lets an image that cannot be read, or a fault with one, spoil no other answer', async () => {
    const [expected] = await predicted(cnn, [faces[0]!]);
    const jpeg = await sharp(photograph).jpeg().toBuffer();
    const answers = await Promise.allSettled([
      // The first is answered alone; those that follow wait together meanwhile.
      queue.classify(question(faces[0]!)),
      queue.classify(question(jpeg.subarray(0, jpeg.length / 2))),
      queue.classify(question(faces[0]!)),
      queue.classify(question({ length: 9 } as Uint8Array)),
      queue.classify(question(faces[0]!)),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([
      ...['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled'],
    ]);
    for (const answer of answers) if (answer.status === 'fulfilled') expect(answer.value).toEqual([expected]);
    const [, truncated, , fault] = answers as PromiseRejectedResult[];
    expect(truncated!.reason).toMatchObject({
      status: 422,
      message: expect.stringContaining('cannot be decoded') as string,
    });
    expect(fault!.reason).not.toBeInstanceOf(Refusal);
    expect(notes).toEqual([]);
  });

  it('asks nothing for those who have gone', async () => {
    const controller = new AbortController();
    const launches = () => devices[0]!.counts.launches;
    const before = launches();
    const gone = queue.classify(question(faces[0]!, { signal: controller.signal }));
    controller.abort(new Error('gone'));
    const late = queue.classify(question(faces[0]!, { signal: controller.signal }));
    await Promise.allSettled([gone, late]);
    await expect(late).rejects.toThrow('gone');
    // The first was under way.
    const one = launches() - before;
    await queue.classify(question(faces[0]!));
    expect(launches() - before).toBe(2 * one);
  });

  it('replaces a device that was lost, and answers nevertheless', async () => {
    const [expected] = await predicted(cnn, [faces[3]!]);
    devices[0]!.destroy();
    expect(await queue.classify(question(faces[3]!))).toEqual([expected]);
    expect(devices).toHaveLength(2);
    expect(notes).toEqual(['the GPU device is replaced: the device was destroyed']);
  });
});
