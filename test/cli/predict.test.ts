import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawFace } from '../../src/data/synthetic/dataset.js';
import { pictureWith } from '../faces/pictures.js';
import { facegrad } from './facegrad.js';

let folder: string;
const run = (...args: string[]) => facegrad(args, { cwd: folder, env: { FACEGRAD_CACHE: join(folder, 'cache') } });

async function writeGrey(name: string, data: Uint8Array, width: number, height: number): Promise<void> {
  const image = sharp(data, { raw: { width, height, channels: 1 } });
  await image.toColourspace('b-w').png().toFile(join(folder, name));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-predict-'));
  const rows = Array.from({ length: 42 }, (_, i) => {
    const face = new Uint8Array(48 * 48);
    drawFace(3, i, i % 7, face);
    return `${i % 7},${face.join(' ')},${i < 28 ? 'Training' : 'PublicTest'}\n`;
  });
  await writeFile(join(folder, 'faces.csv'), `emotion,pixels,Usage\n${rows.join('')}`);
  const train = 'train simple-mlp --epochs 1 --batch-size 14 --no-tensorboard --data faces.csv --out run';
  const { code, stderr } = await run(...train.split(' '));
  expect(code, stderr).toBe(0);
  const { data, width, height } = pictureWith(160, 140, [{ number: 2, side: 96, x: 30, y: 20 }]);
  await writeGrey('face.png', data, width, height);
  await writeGrey('none.png', new Uint8Array(64 * 64).fill(99), 64, 64);
  await writeFile(join(folder, 'text.jpg'), 'no image');
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Row {
  file: string;
  face?: boolean;
  box: object | null;
  emotions: Record<string, number>;
  top: string;
  gradCam?: string;
}

describe('facegrad predict', () => {
  it('prints one JSON value, a row for each face, and says what could not be read', async () => {
    const { code, stdout, stderr } = await run(
      ...['predict', 'face.png', 'text.jpg', 'none.png', '--run', 'run', '--faces', '--json'],
    );
    expect(code, stderr).toBe(3);
    expect(stderr).toContain('facegrad: text.jpg: not an image file');
    expect(stderr).toContain('1 of 3 images could not be read');
    const [face, text, none] = JSON.parse(stdout) as [Row, Row, Row];
    expect(face).toMatchObject({ file: 'face.png', face: true });
    expect(face.box).not.toBeNull();
    expect(Object.keys(face.emotions)).toEqual(['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral']);
    expect(face.emotions[face.top]).toBe(Math.max(...Object.values(face.emotions)));
    expect(text).toEqual({ file: 'text.jpg', error: 'not an image file' });
    expect(none).toMatchObject({ file: 'none.png', face: false, box: null });
  });

  it('writes a table to a file, which is whole or not there', async () => {
    const { code, stdout, stderr } = await run('predict', '*.png', '--run', 'run', '--out', 'rows.csv');
    expect(code, stderr).toBe(0);
    expect(stdout).toBe('');
    const lines = (await readFile(join(folder, 'rows.csv'), 'utf8')).trimEnd().split('\n');
    expect(lines.map(line => line.split(',')[0])).toEqual(['file', 'face.png', 'none.png']);
    const wrong = await run(
      'predict',
      'face.png',
      '--run',
      'run',
      '--image-size',
      '8',
      '--mean',
      '1,2',
      '--out',
      'no.csv',
    );
    expect(wrong.code).toBe(2);
    expect((await readdir(folder)).filter(name => name.includes('no.csv'))).toEqual([]);
  });

  it('refuses what contradicts itself', async () => {
    for (const [options, message] of [
      [['--json', '--csv'], '--json and --csv'],
      [['--min-size', '40'], '--min-size says how faces are found: give --faces too'],
      [['--scale-factor', '1', '--faces'], 'Give a number above 1'],
      [['--layer', 'layer2'], '--layer says how pictures of --grad-cam <folder> are made'],
    ] as const) {
      const { code, stderr } = await run('predict', 'face.png', '--run', 'run', ...options);
      expect(code).toBe(2);
      expect(stderr).toContain(message);
    }
    const { code, stderr } = await run('predict', 'gone.png', '--run', 'run');
    expect(code).toBe(2);
    expect(stderr).toContain('gone.png: no such file or folder');
  });
});
