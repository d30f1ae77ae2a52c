import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { resizeImage } from '../../../src/data/decode/resize.js';
import { drawFace } from '../../../src/data/synthetic/dataset.js';
import { evaluate } from '../../../src/evaluate/evaluate.js';
import { softmax } from '../../../src/evaluate/metrics/probabilities.js';
import { openInputs } from '../../../src/evaluate/predict/inputs.js';
import { Predictor, type PredictOptions } from '../../../src/evaluate/predict/predict.js';
import type { Prediction, Unread } from '../../../src/evaluate/predict/prediction.js';
import { placeNetwork, type Trained } from '../../../src/evaluate/trained.js';
import { loadFaceDetector } from '../../../src/faces/node.js';
import { init } from '../../../src/nn/index.js';
import { setDefaultDevice } from '../../../src/tensor/index.js';
import { createModel } from '../../../src/train/model.js';
import { useTemporaryFolder } from '../../data/fixtures.js';
import { paths } from '../../devices.js';
import { fillWeights } from '../../export/weights.js';
import { pictureWith } from '../../faces/pictures.js';

// The compiled loader: its workers are files of their own, which Node must be able to run.
const compiled = new URL('../../../dist/data/load.js', import.meta.url).href;
const { loadDataSet } = (await import(compiled)) as typeof import('../../../src/data/load.js');

const SIDE = 48;
const CLASSES = ['angry', 'happy', 'sad'];
let trained: Trained;

beforeAll(async () => {
  setDefaultDevice(await paths.native());
  const model = { model: 'simple-mlp' };
  const images = { channels: 1, height: SIDE, width: SIDE };
  const network = init.withoutValues(() => createModel(model, { name: 'faces', ...images }, CLASSES.length, false));
  const state = fillWeights(network);
  network.dispose();
  trained = {
    ...{ file: 'weights', model, state, equalize: false, tuning: new Map(), images },
    known: { classes: CLASSES, mean: [0.5], std: [0.25] },
  };
});

const folder = useTemporaryFolder();

async function writeGrey(name: string, data: Uint8Array, width: number, height: number): Promise<string> {
  const path = join(folder.path(), name);
  await mkdir(join(path, '..'), { recursive: true });
  await sharp(data, { raw: { width, height, channels: 1 } })
    .toColourspace('b-w')
    .png()
    .toFile(path);
  return path;
}

/** Drawn faces in a folder of each class. */
async function writeFaces(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const face = new Uint8Array(SIDE * SIDE);
    drawFace(2, i, i % 7, face);
    await writeGrey(`faces/${CLASSES[i % 3]!}/${String(i).padStart(2, '0')}.png`, face, SIDE, SIDE);
  }
}

async function predict(
  given: readonly string[],
  options: Partial<PredictOptions> = {},
  network = trained,
): Promise<(Prediction | Unread)[]> {
  const device = await paths.native();
  const inputs = await openInputs(given.map(path => join(folder.path(), path)));
  const predictor = Predictor.place(device, network, { batchSize: 4, ...options });
  const results: (Prediction | Unread)[] = [];
  for await (const result of predictor.predict(inputs.images())) results.push(result);
  predictor.dispose();
  await inputs.close();
  return results;
}

const answers = (results: readonly (Prediction | Unread)[]) => results as Prediction[];

describe('Predictor', () => {
  it('answers on images of a data set what evaluation answers, to the bit', async () => {
    await writeFaces(10);
    const device = await paths.native();
    const data = await loadDataSet(join(folder.path(), 'faces'), {
      cacheFolder: join(folder.path(), 'cache'),
      split: [1, 0, 0],
    });
    expect(data.classes).toEqual(CLASSES);
    const { model, normalisation } = placeNetwork(device, trained, data);
    const { train } = data.splits;
    const { logits, predictions } = await evaluate(device, model, data, train, { ...normalisation, batchSize: 4 });
    model.dispose();
    const expected = softmax(logits, 3);
    const results = answers(await predict(['faces']));
    expect(results.map(({ file }) => file)).toEqual(
      CLASSES.flatMap((name, k) =>
        Array.from({ length: k === 0 ? 4 : 3 }, (_, i) =>
          join(folder.path(), 'faces', name, `${String(3 * i + k).padStart(2, '0')}.png`),
        ),
      ),
    );
    for (const { file, emotions, top, box } of results) {
      const n = train.names!.findIndex(name => file.endsWith(name));
      expect(n).not.toBe(-1);
      expect(Object.values(emotions)).toEqual([...expected.subarray(3 * n, 3 * n + 3)]);
      expect(top).toBe(CLASSES[predictions[n]!]);
      expect(box).toBeNull();
    }
  });

  it('does not let an answer depend on the other images', async () => {
    await writeFaces(7);
    const all = answers(await predict(['faces']));
    const [alone] = answers(await predict(['faces/happy/04.png'], { batchSize: 1 }));
    expect(all.find(({ file }) => file === alone!.file)).toEqual(alone);
  });

  it('tells images that cannot be read in their place, and does the others', async () => {
    await writeFaces(3);
    await writeFile(join(folder.path(), 'faces/happy/00-text.png'), 'no image');
    await writeFile(join(folder.path(), 'empty.jpg'), '');
    const results = await predict(['empty.jpg', 'faces', 'faces/sad/02.png']);
    expect(results.map(result => ('error' in result ? result.error : result.file.slice(-6)))).toEqual([
      'the file is empty',
      '00.png',
      'not an image file',
      '01.png',
      '02.png',
      '02.png',
    ]);
    expect(results[5]).toEqual(results[4]);
  });

  it('takes any size and colour, turned as EXIF says', async () => {
    const colour = new Uint8Array(60 * 90 * 3).map((_, i) => (i * 7) % 251);
    const upright = sharp(colour, { raw: { width: 60, height: 90, channels: 3 } });
    await upright.clone().png().toFile(join(folder.path(), 'upright.png'));
    // A camera that was held sideways: the file is turned back when it is shown.
    await upright.rotate(-90).withMetadata({ orientation: 6 }).png().toFile(join(folder.path(), 'turned.png'));
    const [a, b] = answers(await predict(['upright.png', 'turned.png']));
    expect(b!.emotions).toEqual(a!.emotions);
    expect(Object.values(a!.emotions).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  });

  it('resizes large images as small ones, since a browser has no other way', async () => {
    const [width, height] = [400, 300];
    const data = Uint8Array.from({ length: width * height }, (_, i) => (i * i + 31 * i) % 251);
    await writeGrey('large.png', data, width, height);
    await writeGrey('small.png', resizeImage(data, { height, width, channels: 1 }, SIDE), SIDE, SIDE);
    const [large, small] = answers(await predict(['large.png', 'small.png']));
    expect(large!.emotions).toEqual(small!.emotions);
  });

  it('equalises histograms for a network that was trained on such images', async () => {
    await writeFaces(1);
    const [plain] = answers(await predict(['faces']));
    const [equalised] = answers(await predict(['faces'], {}, { ...trained, equalize: true }));
    expect(equalised!.emotions).not.toEqual(plain!.emotions);
  });

  it('takes the mean over an image and its mirror image', async () => {
    const face = new Uint8Array(SIDE * SIDE);
    drawFace(2, 5, 5, face);
    await writeGrey('a.png', face, SIDE, SIDE);
    const mirrored = face.map((_, i) => face[i - (i % SIDE) + SIDE - 1 - (i % SIDE)]!);
    await writeGrey('b.png', mirrored, SIDE, SIDE);
    const plain = answers(await predict(['a.png', 'b.png']));
    const [both] = answers(await predict(['a.png'], { tta: { kind: 'flip' } }));
    for (const name of CLASSES) {
      const mean = (plain[0]!.emotions[name]! + plain[1]!.emotions[name]!) / 2;
      expect(Math.abs(both!.emotions[name]! - mean)).toBeLessThan(1e-6);
    }
  });

  it('draws what spoke for an answer', async () => {
    const model = { model: 'simple-cnn' };
    const network = init.withoutValues(() =>
      createModel(model, { name: 'faces', channels: 1, height: SIDE, width: SIDE }, CLASSES.length, false),
    );
    const state = fillWeights(network);
    network.dispose();
    await writeFaces(1);
    const [result] = answers(
      await predict(['faces'], { explain: { method: 'grad-cam' } }, { ...trained, model, state }),
    );
    expect(result!.overlay).toMatchObject({ height: SIDE, width: SIDE });
    expect(result!.overlay!.pixels).toHaveLength(SIDE * SIDE * 3);
  });

  it('asks for what weights do not say', async () => {
    const device = await paths.native();
    const bare: Trained = { ...trained, known: undefined };
    expect(() => Predictor.place(device, bare, { batchSize: 1 })).toThrow('give --mean and --std');
    const given = { batchSize: 1, mean: [0.5], std: [0.25] };
    expect(() => Predictor.place(device, bare, given)).toThrow('give --classes');
    expect(() => Predictor.place(device, trained, { batchSize: 1, classes: ['a', 'b'] })).toThrow('--classes names 2');
    Predictor.place(device, bare, { ...given, classes: CLASSES }).dispose();
  });
});

describe('Predictor, with faces', () => {
  it('classifies each face, the largest first, and an image without one as a whole', async () => {
    const { data, width, height } = pictureWith(320, 200, [
      { number: 1, side: 80, x: 20, y: 60 },
      { number: 2, side: 120, x: 170, y: 40 },
    ]);
    await writeGrey('two.png', data, width, height);
    await writeGrey('none.png', new Uint8Array(64 * 64).fill(90), 64, 64);
    const detector = await loadFaceDetector();
    const results = answers(await predict(['none.png', 'two.png'], { faces: { detector } }));
    expect(results.map(({ file, face }) => [file.slice(-8), face])).toEqual([
      ['none.png', false],
      [`/two.png`, true],
      [`/two.png`, true],
    ]);
    expect(results[0]!.box).toBeNull();
    const boxes = results.slice(1).map(({ box }) => box!);
    expect(boxes).toEqual(detector.detect({ data, width, height, channels: 1 }));
    detector.dispose();

    // What the network saw of the larger face, cut out by sharp and stretched by the loader of images.
    const { x, y, width: side } = boxes[0]!;
    await sharp(join(folder.path(), 'two.png'))
      .extract({ left: x, top: y, width: side, height: side })
      .png()
      .toFile(join(folder.path(), 'cut.png'));
    const [cut, none] = answers(await predict(['cut.png', 'none.png']));
    expect(results[1]!.emotions).toEqual(cut!.emotions);
    expect(results[0]!.emotions).toEqual(none!.emotions);
  });
});
