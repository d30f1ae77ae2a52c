import { RandomStream } from '../../util/random.js';
import type { DataSet, Split } from '../dataset.js';
import { FER2013_CLASSES, FER2013_SIZE } from '../fer2013/layout.js';
import { fingerprintOf } from '../fingerprint.js';
import { DATA_STREAM } from '../streams.js';
import { Brush } from './brush.js';
import { Canvas } from './canvas.js';
import { bell } from './draws.js';
import { drawActions } from './expressions.js';
import { makeFace } from './face.js';
import { paintFace } from './paint.js';
import { drawPerson } from './person.js';
import { drawPose } from './pose.js';
import { paintBackground, paintObstacle, shineLight, takePicture } from './scene.js';

const COUNTS = { train: 7000, val: 1000, test: 1000 };
const IMAGE_BYTES = FER2013_SIZE * FER2013_SIZE;

/**
 * Faces drawn by code, in FER-2013's form: 48x48 grey, its seven classes, as many images of each. A face depends on
 * `seed` and its number alone, and only on arithmetic that IEEE 754 fixes, so that every machine draws the same ones.
 */
export function syntheticDataSet(seed: number, onProgress: (fraction: number) => void): DataSet {
  const total = COUNTS.train + COUNTS.val + COUNTS.test;
  let drawn = 0;
  const draw = (count: number): Split => {
    const images = new Uint8Array(count * IMAGE_BYTES);
    const labels = new Uint8Array(count);
    for (let i = 0; i < count; i++) {
      const label = i % FER2013_CLASSES.length;
      labels[i] = label;
      drawFace(seed, drawn++, label, images.subarray(i * IMAGE_BYTES, (i + 1) * IMAGE_BYTES));
      if (drawn % 500 === 0) onProgress(drawn / total);
    }
    return { count, images, labels };
  };
  const splits = { train: draw(COUNTS.train), val: draw(COUNTS.val), test: draw(COUNTS.test) };
  const content = { classes: FER2013_CLASSES, channels: 1, height: FER2013_SIZE, width: FER2013_SIZE, splits };
  return { name: 'synthetic', ...content, fingerprint: fingerprintOf(content) };
}

/** Draws face number `index` of `seed`, showing class `label`, as (48,48) bytes into `out`. */
export function drawFace(seed: number, index: number, label: number, out: Uint8Array): void {
  const random = new RandomStream(seed, DATA_STREAM.face, index);
  const canvas = new Canvas(FER2013_SIZE);
  const person = drawPerson(random);
  const pose = drawPose(random, FER2013_SIZE);
  const { left, right } = drawActions(random, label);
  const gaze = { x: bell(random, 0.025), y: bell(random, 0.012) };

  paintBackground(random, canvas);
  const head = paintFace(new Brush(canvas, pose), makeFace(person, left, right, gaze));
  paintObstacle(random, canvas, person);
  shineLight(random, canvas, pose, person, head);
  takePicture(random, canvas, head, out);
}
