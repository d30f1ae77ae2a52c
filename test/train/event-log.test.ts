import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSampler } from '../../src/data/sampling/sampler.js';
import { chooseImages, pictureOf } from '../../src/data/sheet.js';
import { evaluate } from '../../src/evaluate/evaluate.js';
import { decodeEvents, type EventImage, type Histogram, type SummaryEvent } from '../../src/interop/tfevents/index.js';
import { modelRegistry } from '../../src/nn/index.js';
import { confusionMatrixChart, drawCaptionedImages, pngFile } from '../../src/plots/index.js';
import { loadWeights } from '../../src/train/checkpoint.js';
import { newEventFileName, parseEventFileName } from '../../src/train/event-files.js';
import { EventLog } from '../../src/train/event-log.js';
import { isLogged } from '../../src/train/log-options.js';
import { RunFolder } from '../../src/train/run.js';
import type { TrainOptions } from '../../src/train/types.js';
import { paths } from '../devices.js';
import { abortAtBatch, bandData, base, Recorder, runIn, stateOf } from './small-run.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-events-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The events of each file, in the order in which TensorBoard reads them. */
async function sittingsOf(path: string): Promise<SummaryEvent[][]> {
  const names = (await readdir(path)).filter(name => parseEventFileName(name)).sort();
  return Promise.all(names.map(async name => decodeEvents(await readFile(join(path, name)))));
}

/** What TensorBoard shows: [step, value] of each tag; a session's start discards what stands from its step on. */
function shown(sittings: readonly SummaryEvent[][]): Record<string, [step: number, value: number][]> {
  const series: Record<string, [number, number][]> = {};
  for (const event of sittings.flat()) {
    if ('sessionStart' in event) {
      for (const tag of Object.keys(series)) series[tag] = series[tag]!.filter(([step]) => step < event.step);
    }
    for (const value of 'values' in event ? event.values : []) {
      if ('scalar' in value) (series[value.tag] ??= []).push([event.step, value.scalar]);
    }
  }
  return series;
}

/** Where a test's run takes a recorder. */
const logTo = (recorder: Recorder) => new EventLog(recorder) as unknown as Recorder;

/** An image with its file as base64, which compares faster than bytes. */
type Shown = Omit<EventImage, 'png'> & { png: string };

/** The histograms and images that TensorBoard shows, by `tag step`; each has to be shown once. */
function looks(sittings: readonly SummaryEvent[][]): Record<string, Histogram | Shown> {
  const shown = new Map<string, { step: number; value: Histogram | Shown }>();
  for (const event of sittings.flat()) {
    if ('sessionStart' in event) {
      for (const [key, { step }] of shown) if (step >= event.step) shown.delete(key);
    }
    for (const value of 'values' in event ? event.values : []) {
      if (!('histogram' in value || 'image' in value)) continue;
      const key = `${value.tag} ${event.step}`;
      expect([...shown.keys()]).not.toContain(key);
      const image = 'image' in value && { ...value.image, png: Buffer.from(value.image.png).toString('base64') };
      shown.set(key, { step: event.step, value: image || (value as { histogram: Histogram }).histogram });
    }
  }
  return Object.fromEntries([...shown].map(([key, { value }]) => [key, value]));
}

const single = ([step, value]: [number, number]): [number, number] => [step, Math.fround(value)];

describe('EventLog', () => {
  it('writes the figures of steps, epochs and the test, and tells its reporter everything', async () => {
    const recorder = new Recorder();
    const { path, summary } = await runIn(folder, 'run', bandData(40), {}, { reporter: logTo(recorder) });
    const { epochs, steps, started } = recorder;
    expect(recorder.summary).toEqual(summary);
    const sittings = await sittingsOf(path);
    expect(sittings).toHaveLength(1);
    expect(sittings[0]![0]).toMatchObject({ fileVersion: 'brain.Event:2' });
    expect(sittings[0]![1]).toMatchObject({
      values: [{ tag: 'options', text: expect.stringContaining('| lr | 0.001 |') as unknown }],
    });
    const series = shown(sittings);
    const of = (key: keyof (typeof epochs)[number]) => epochs.map(row => single([3 * row.epoch, row[key]]));
    expect(started?.steps).toBe(3);
    expect(series).toMatchObject({
      ...{ epoch: of('epoch'), lr: of('lr'), images_per_second: of('imagesPerSecond') },
      ...{ 'loss/train': of('trainLoss'), 'loss/val': of('valLoss') },
      ...{ 'accuracy/train': of('trainAccuracy'), 'accuracy/val': of('valAccuracy') },
      'loss/test': [single([3 * summary.bestEpoch, summary.testLoss!])],
      'accuracy/test': [single([3 * summary.bestEpoch, summary.testAccuracy!])],
      'loss/running': steps.map(({ epoch, step, loss }) => single([3 * (epoch - 1) + step, loss])),
    });
  });

  it('of a run that is stopped inside an epoch and resumed shows each step once', async () => {
    const { data, signal } = abortAtBatch(bandData(40), 4);
    const { path } = await runIn(folder, 'run', data, {}, { reporter: logTo(new Recorder()), signal });
    const before = await sittingsOf(path);
    await runIn(folder, 'run', bandData(40), {}, { reporter: logTo(new Recorder()), resume: true });
    const sittings = await sittingsOf(path);
    expect(sittings[0]).toEqual(before[0]);
    const { step } = sittings[1]!.find(event => 'sessionStart' in event)!;
    expect(step).toBeGreaterThan(3);
    expect(step).toBeLessThanOrEqual(7);
    const series = shown(sittings);
    expect(series['loss/val']!.map(([at]) => at)).toEqual([3, 6, 9]);
    const running = series['loss/running']!.map(([at]) => at);
    expect(running).toEqual([...new Set(running)].sort((a, b) => a - b));
  });

  it('of a run that was killed between a checkpoint and what it would have told of it tells that epoch again', async () => {
    const rows = await runIn(folder, 'run', bandData(40), { epochs: 2 });
    const recorder = new Recorder();
    const { path } = rows;
    // As if epoch 2 had come to be saved, and steps of a third told before the kill.
    await runIn(folder, 'run', bandData(40), { epochs: 3 }, { reporter: logTo(recorder), resume: true });
    const sittings = await sittingsOf(path);
    expect(sittings).toHaveLength(1);
    expect(sittings[0]![1]).toMatchObject({ sessionStart: true, step: 6 });
    const expected = [...rows.reporter.epochs.slice(1), ...recorder.epochs];
    expect(shown(sittings)['loss/val']).toEqual(expected.map(row => single([3 * row.epoch, row.valLoss])));
    expect(shown(sittings)['loss/running']![0]).toEqual(single([6, expected[0]!.trainLoss]));
  });

  it('goes on without a file where none can be written', () => {
    const recorder = new Recorder();
    const log = new EventLog(recorder);
    const missing = join(folder, 'none');
    const options = { model: 'm', data: 'd' } as never;
    log.start({ model: 'm', parameters: 1, adapter: '', data: {} as never, options, runFolder: missing, steps: 3 });
    log.note('next');
    log.close();
    expect(recorder.notes).toEqual([
      expect.stringMatching(/^warning: no more events for TensorBoard are written: ENOENT/),
      'next',
    ]);
  });
});

describe('event files', () => {
  it('have names in the order in which they were begun, whatever the process is called', () => {
    const now = 1_800_000_000_500;
    const first = newEventFileName(['config.json'], now);
    expect(parseEventFileName(first)).toMatchObject({ seconds: 1_800_000_000, process: process.pid });
    const second = newEventFileName([first], now);
    expect(parseEventFileName(second)!.seconds).toBe(1_800_000_001);
    expect(parseEventFileName('events.out.tfevents.1800000000.host.1.0.v2')).toBeUndefined();
  });

  it('belong to the run: --force removes them, and none that another program wrote', async () => {
    const { path } = await runIn(folder, 'run', bandData(20), { epochs: 1 }, { reporter: logTo(new Recorder()) });
    const foreign = 'events.out.tfevents.1800000000.host.1.0.v2';
    await writeFile(join(path, foreign), '');
    const { config } = await RunFolder.open(path);
    await expect(RunFolder.create(path)).rejects.toThrow('holds a run already');
    await (await RunFolder.create(path, { force: true })).begin(config);
    expect((await readdir(path)).filter(name => name.startsWith('events'))).toEqual([foreign]);
  });
});

describe('histograms and images', () => {
  const data = bandData(40);
  // Labels that no network gets right, so that the confusion matrix is not its own mirror image.
  const { labels } = data.splits.val;
  labels.forEach((label, i) => {
    if (label === 0 && i < 12) labels[i] = 1;
  });
  // So plain that a step's gradient can be told from what it did to the weights.
  const plain: Partial<TrainOptions> = { optimizer: 'sgd', lr: 0.1, saveEverySteps: 1, keep: 20 };
  const logged: Partial<TrainOptions> = { ...plain, logHistograms: 1, logImages: 2 };
  let wholeFolder: string;
  /** A run that nothing interrupts, and what it tells. */
  let whole: { path: string; looks: ReturnType<typeof looks> };
  beforeAll(async () => {
    wholeFolder = await mkdtemp(join(tmpdir(), 'facegrad-looks-'));
    const { path } = await runIn(wholeFolder, 'run', data, logged, { reporter: logTo(new Recorder()) });
    whole = { path, looks: looks(await sittingsOf(path)) };
  });
  afterAll(async () => {
    await rm(wholeFolder, { recursive: true });
  });

  const weightsOf = async (name: string) => (await loadWeights(join(whole.path, name))).state;

  it('are told of every epoch, and change nothing of what the run computes', async () => {
    const names = modelRegistry['improved-mlp']!.create({ classes: 3 }).namedParameters();
    const tags = [...names.keys()].flatMap(name => [`weights/${name}`, `gradients/${name}`]);
    const images = ['confusion/val', 'samples/val', 'samples/train'];
    const all = [3, 6, 9].flatMap(step => (step === 3 ? tags : [...tags, ...images]).map(tag => `${tag} ${step}`));
    expect(Object.keys(whole.looks).sort()).toEqual(all.sort());
    const { path } = await runIn(folder, 'silent', data, plain);
    for (const name of ['last.safetensors', 'best.safetensors']) {
      expect(await stateOf(join(whole.path, name))).toEqual(await stateOf(join(path, name)));
    }
  });

  it('are those of the weights, and of the gradients of the step before they were taken', async () => {
    const before = await weightsOf('checkpoints/epoch-0003-step-000002.safetensors');
    const after = await weightsOf('last.safetensors');
    for (const [key, value] of Object.entries(whole.looks)) {
      const name = /^(?:weights|gradients)\/(\S+) 9$/.exec(key)?.[1];
      if (name === undefined) continue;
      const { num, sum, sumSquares, min, max, bucket, bucketLimit } = value as Histogram;
      const [w0, w1] = [before.get(name)!.data as Float32Array, after.get(name)!.data as Float32Array];
      const isWeights = key.startsWith('weights/');
      const expected = Float64Array.from(w1, (w, i) => (isWeights ? w : (w0[i]! - w) / plain.lr!));
      // A weight's last digit hides what is left of a gradient in the difference of two.
      const off = expected.map(
        (x, i) => 1e-12 * Math.abs(x) + (isWeights ? 0 : (2 ** -23 * Math.abs(w1[i]!)) / plain.lr!),
      );
      const total = (f: (x: number, off: number) => number) => expected.reduce((all, x, i) => all + f(x, off[i]!), 0);
      const most = (values: Float64Array) => values.reduce((a, b) => Math.max(a, b));
      expect(num).toBe(expected.length);
      expect(Math.abs(sum - total(x => x)), key).toBeLessThanOrEqual(total((_, e) => e));
      expect(Math.abs(sumSquares - total(x => x * x)), key).toBeLessThanOrEqual(
        total((x, e) => (2 * Math.abs(x) + e) * e),
      );
      expect(Math.abs(max - most(expected)), key).toBeLessThanOrEqual(most(off));
      expect(Math.abs(min + most(expected.map(x => -x))), key).toBeLessThanOrEqual(most(off));
      expect(bucket.reduce((all, count) => all + count, 0)).toBe(num);
      expect(bucketLimit.length).toBeLessThanOrEqual(150);
    }
  });

  it('show the confusion matrix of the weights, labelled, and faces with what they are', async () => {
    const { state, info } = await loadWeights(join(whole.path, 'last.safetensors'));
    const model = modelRegistry['improved-mlp']!.create({ classes: 3 });
    model.loadStateDict(state);
    const { val, train } = data.splits;
    const device = await paths.native();
    const { predictions, logits } = await evaluate(device, model, data, val, { ...info!, batchSize: 16 });
    const counts = data.classes.map(() => data.classes.map(() => 0));
    predictions.forEach((predicted, i) => counts[val.labels[i]!]![predicted]!++);
    const title = 'epoch 3, validation images';
    const matrix = await confusionMatrixChart(title, data.classes, counts);
    for (const name of data.classes) expect(matrix).toContain(`>${name}</text>`);
    const confident = (i: number) => {
      const exps = [...logits.subarray(3 * i, 3 * i + 3)].map(Math.exp);
      return Math.round((100 * Math.max(...exps)) / exps.reduce((a, b) => a + b));
    };
    const chosen = chooseImages(data, 'val', { count: 10, columns: 1, seed: base.seed }).flat();
    const faces = chosen.map(i => ({
      ...pictureOf(data, 'val', i),
      caption: `${data.classes[predictions[i]!]!} ${confident(i)} %`,
      ...(predictions[i] === val.labels[i] ? {} : { wrong: `true: ${data.classes[val.labels[i]!]!}` }),
    }));
    const order = createSampler({ kind: 'shuffle' }, train.labels, data.classes, base.seed).order(3);
    const trained = [...order.subarray(0, base.batchSize)].map(i => ({
      ...pictureOf(data, 'train', i),
      caption: data.classes[train.labels[i]!]!,
    }));
    const expected = {
      'confusion/val': matrix,
      'samples/val': drawCaptionedImages(title, faces),
      'samples/train': drawCaptionedImages('epoch 3, training images as the network gets them', trained),
    };
    for (const [tag, svg] of Object.entries(expected)) {
      const image = whole.looks[`${tag} 9`] as Shown;
      const file = Buffer.from(image.png, 'base64');
      const png = PNG.sync.read(file);
      expect([image.width, image.height, image.channels]).toEqual([png.width, png.height, 4]);
      expect(file.equals(pngFile(svg)), tag).toBe(true);
    }
  });

  it.each([
    ['in the midst of an epoch', 4],
    // An epoch has two batches and a half.
    ['after its last step, before its validation', 4.5],
  ])('of a run that is stopped %s and resumed are those of one that is not', async (_, batch) => {
    const { data: stopping, signal } = abortAtBatch(data, batch);
    await runIn(folder, 'run', stopping, logged, { reporter: logTo(new Recorder()), signal });
    const { path } = await runIn(folder, 'run', data, logged, { reporter: logTo(new Recorder()), resume: true });
    expect(looks(await sittingsOf(path))).toEqual(whole.looks);
  });

  it('of a run that was killed before it told of an epoch, and of one that was lengthened, are whole', async () => {
    class Killed extends Recorder {
      override epoch(): void {
        throw new Error('killed');
      }
    }
    const sitting = (epochs: number, resume: boolean, recorder = new Recorder()) =>
      runIn(folder, 'run', data, { ...plain, logHistograms: 1, epochs }, { reporter: logTo(recorder), resume });
    await expect(sitting(1, false, new Killed())).rejects.toThrow('killed');
    await sitting(2, true);
    const { path } = await sitting(3, true);
    const sittings = await sittingsOf(path);
    expect(sittings.map(events => events.find(event => 'sessionStart' in event)?.step)).toEqual([undefined, 3, 7]);
    const histograms = Object.entries(whole.looks).filter(([key]) => !/val|train/.test(key));
    expect(looks(sittings)).toEqual(Object.fromEntries(histograms));
    expect(shown(sittings)['loss/val']!.map(([step]) => step)).toEqual([3, 6, 9]);
  });

  it('come as often as the options say, and with the last epoch', () => {
    const epochs = Array.from({ length: 120 }, (_, i) => i + 1);
    const told = (options: Partial<TrainOptions>) =>
      epochs.filter(epoch => isLogged('logImages', { epochs: 120, ...options }, epoch));
    expect(told({})).toEqual([]);
    expect(told({ logImages: 50 })).toEqual([50, 100, 120]);
    expect(told({ logImages: 'auto' })).toEqual(epochs.filter(epoch => epoch % 12 === 0));
  });
});
