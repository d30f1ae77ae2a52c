import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import {
  Comparison,
  runExperiments,
  type Experiment,
  type ExperimentsContext,
} from '../../src/evaluate/experiments/index.js';
import { base } from '../train/small-run.js';

let out: string;
beforeEach(async () => {
  out = await mkdtemp(join(tmpdir(), 'facegrad-experiments-'));
  return () => rm(out, { recursive: true, force: true });
});

const load = vi.fn<ExperimentsContext['load']>(() => Promise.reject(new Error('no data')));
const context: ExperimentsContext = {
  ...{ title: 'all', version: '1', note: () => undefined, load, signal: new AbortController().signal },
  reporterFor: () => {
    throw new Error('nothing is trained');
  },
};
const plan = () => ({
  experiments: ['a', 'b'].map((name): Experiment => {
    return { name, seed: 0, reported: undefined, path: join(out, name), options: base };
  }),
  refused: [],
});
const states = async () =>
  (JSON.parse(await readFile(join(out, 'comparison.json'), 'utf8')) as { runs: { state: string }[] }).runs.map(
    ({ state }) => state,
  );

describe('the folder of a comparison', () => {
  it('is refused to a second process, which changes nothing in it', async () => {
    const first = await Comparison.open(plan(), out, context);
    await first.write();
    await expect(runExperiments(plan(), out, context)).rejects.toThrow(`${out} is in use`);
    expect(load).not.toHaveBeenCalled();
    expect(await states()).toEqual(['waiting', 'waiting']);
    await first.close();
    await runExperiments(plan(), out, context);
    expect(await states()).toEqual(['failed', 'failed']);
    expect((await readdir(out)).sort()).toEqual(['comparison.csv', 'comparison.json', 'comparison.md']);
  });

  it('loses what killed processes had not finished writing, and what is not a comparison stays', async () => {
    const left = ['.comparison.md.12.tmp', '.validation-loss.svg.12.tmp', '.notes.12.tmp'];
    for (const name of left) await writeFile(join(out, name), 'half');
    const comparison = await Comparison.open(plan(), out, context);
    await comparison.close();
    expect(await readdir(out)).toEqual(['.notes.12.tmp']);
  });

  it('is free again where it cannot be read', async () => {
    await writeFile(join(out, 'comparison.json'), '{}');
    await expect(Comparison.open(plan(), out, context)).rejects.toThrow('is not what facegrad writes');
    expect(await readdir(out)).toEqual(['comparison.json']);
  });

  it('goes over from a machine that is gone to the next one that has what alone may enqueue it', async () => {
    await writeFile(join(out, '.lock.elsewhere.17.0badc0de-17'), 'the claim');
    for (const claim of [{}, { lease: 'another' }]) {
      await expect(Comparison.open(plan(), out, { ...context, ...claim })).rejects.toThrow('process 17 on elsewhere');
    }
    const comparison = await Comparison.open(plan(), out, { ...context, lease: 'the claim' });
    await comparison.close();
    expect(await readdir(out)).toEqual([]);
  });
});
