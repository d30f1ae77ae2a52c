import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { SeriesFolder, trainSeries, type SeriesContext } from '../../src/train/series/index.js';
import { bandData, base } from './small-run.js';

let path: string;
let folder: SeriesFolder;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'facegrad-series-'));
  folder = await SeriesFolder.create(path, {
    ...{ facegrad: '1', created: '2026', kind: 'folds', count: 2, options: base },
    data: { name: 'bands', fingerprint: 'others' },
  });
  return () => rm(path, { recursive: true, force: true });
});

describe('the folder of a series', () => {
  const context: SeriesContext = {
    ...{ version: '1', note: () => undefined, signal: new AbortController().signal },
    reporterFor: () => {
      throw new Error('nothing is trained');
    },
  };

  it('is refused to a second process, and free again after one that has failed', async () => {
    const unlock = await folder.lock();
    await expect(trainSeries(folder, bandData(20), context)).rejects.toThrow(`${path} is in use`);
    await unlock();
    for (let time = 1; time <= 2; time++) {
      await expect(trainSeries(folder, bandData(20), context)).rejects.toThrow('is not what the folds');
    }
    expect((await readdir(path)).sort()).toEqual(['folds.json', 'folds.md']);
  });

  it('loses what killed processes had not finished writing', async () => {
    for (const name of ['.folds.json.12.tmp', '.folds.md.12.tmp']) await writeFile(join(path, name), 'half');
    await (
      await folder.lock()
    )();
    expect((await readdir(path)).sort()).toEqual(['folds.json', 'folds.md']);
  });
});
