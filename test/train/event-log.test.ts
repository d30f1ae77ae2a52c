import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeEvents, type SummaryEvent } from '../../src/interop/tfevents/index.js';
import { newEventFileName, parseEventFileName } from '../../src/train/event-files.js';
import { EventLog } from '../../src/train/event-log.js';
import { RunFolder } from '../../src/train/run.js';
import { abortAtBatch, bandData, Recorder, runIn } from './small-run.js';

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
