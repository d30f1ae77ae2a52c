import { closeSync, fsyncSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { encodeEvent, fileVersionEvent, type SummaryEvent, type SummaryValue } from '../interop/tfevents/index.js';
import { newEventFileName } from './event-files.js';
import { toldOf, type ToldEpoch } from './event-history.js';
import type { EpochRow, Reporter, RunStart, StepProgress, TrainOptions, TrainSummary } from './types.js';

/** Points of an epoch under way, at most. */
const POINTS_PER_EPOCH = 20;

/**
 * Writes what a reporter is told to a TensorBoard event file in the run's folder as well, over optimiser steps: loss and
 * accuracy of an epoch so far up to 20 times an epoch; the figures of each epoch (synced to disk then) at its last step; the
 * test result at the last step of the best epoch. Histograms and images, where the run makes them, come at the last step of
 * their epoch, and before the epoch is saved, so that a killed run that goes on from there has them. Each sitting writes a file
 * of its own; that of a resumed run begins with a session's start, at which readers discard what an earlier sitting wrote about
 * steps that come again. A file that cannot be written is noted once, and the run goes on without.
 */
export class EventLog implements Reporter {
  #file: number | undefined;
  /** Steps of an epoch. */
  #steps = 0;
  /** The step of the last point of an epoch under way. */
  #last = 0;

  constructor(private readonly reporter: Reporter) {}

  /** Opens the file and writes the options, or where a resumed run goes on. */
  start(info: RunStart): void {
    this.reporter.start(info);
    const { runFolder, steps, resumedFrom, resumedStep = 0, lastEpoch } = info;
    this.#steps = steps;
    const finished = (resumedFrom ?? 0) * steps + resumedStep;
    const isBetween = resumedFrom !== undefined && lastEpoch !== undefined && resumedStep === 0;
    let told: ToldEpoch = { figures: true, look: [] };
    try {
      if (isBetween) told = toldOf(runFolder, finished);
      this.#file = openSync(join(runFolder, newEventFileName(readdirSync(runFolder))), 'wx');
    } catch (error) {
      this.#fail(error);
    }
    this.#write(fileVersionEvent(seconds()));
    if (resumedFrom === undefined) {
      this.#values(0, [{ tag: 'options', text: optionsTable(info.options) }]);
      return;
    }
    this.#last = finished;
    this.#write({ wallTime: seconds(), step: told.figures ? finished + 1 : finished, sessionStart: true });
    if (!isBetween || told.figures) return;
    // The sitting before was killed after it had saved an epoch and before it told so here.
    this.#running(finished, lastEpoch.trainLoss, lastEpoch.trainAccuracy);
    if (told.look.length > 0) this.#values(finished, told.look);
    this.#epoch(lastEpoch);
  }

  /** Writes histograms and images of an epoch whose steps are done; on disk before the epoch is saved. */
  looked(epoch: number, values: readonly SummaryValue[]): void {
    this.#values(epoch * this.#steps, values);
    this.#sync();
  }

  /** Writes loss and accuracy of the epoch so far, at most 20 times an epoch. */
  step(progress: StepProgress): void {
    this.reporter.step(progress);
    const { epoch, step, steps, loss, accuracy } = progress;
    const done = (epoch - 1) * steps + step;
    const interval = Math.ceil(steps / POINTS_PER_EPOCH);
    if (Math.floor(done / interval) === Math.floor(this.#last / interval)) return;
    this.#last = done;
    this.#running(done, loss, accuracy);
  }

  epoch(row: EpochRow, best: boolean): void {
    this.reporter.epoch(row, best);
    this.#epoch(row);
    this.#sync();
  }

  /** Tells the reporter alone. */
  saved(file: string): void {
    this.reporter.saved(file);
  }

  /** Writes the test result and closes the file. */
  end(summary: TrainSummary): void {
    this.reporter.end(summary);
    const { bestEpoch, testLoss, testAccuracy } = summary;
    if (testLoss !== undefined && testAccuracy !== undefined) {
      this.#scalars(bestEpoch * this.#steps, { 'loss/test': testLoss, 'accuracy/test': testAccuracy });
    }
    this.close();
  }

  /** Tells the reporter alone. */
  note(text: string): void {
    this.reporter.note(text);
  }

  /** Ends the file; what is told afterwards goes to the reporter alone. */
  close(): void {
    this.#attempt(file => {
      this.#file = undefined;
      closeSync(file);
    });
  }

  #running(step: number, loss: number, accuracy: number): void {
    this.#scalars(step, { 'loss/running': loss, 'accuracy/running': accuracy });
  }

  #epoch(row: EpochRow): void {
    this.#scalars(row.epoch * this.#steps, {
      ...{ epoch: row.epoch, lr: row.lr },
      ...{ 'loss/train': row.trainLoss, 'loss/val': row.valLoss },
      ...{ 'accuracy/train': row.trainAccuracy, 'accuracy/val': row.valAccuracy },
      images_per_second: row.imagesPerSecond,
    });
  }

  #scalars(step: number, scalars: Record<string, number>): void {
    this.#values(
      step,
      Object.entries(scalars).map(([tag, scalar]) => ({ tag, scalar })),
    );
  }

  #values(step: number, values: readonly SummaryValue[]): void {
    this.#write({ wallTime: seconds(), step, values });
  }

  #sync(): void {
    this.#attempt(file => {
      fsyncSync(file);
    });
  }

  #write(event: SummaryEvent): void {
    this.#attempt(file => {
      const record = encodeEvent(event);
      // A full disk may take a part.
      for (let at = 0; at < record.length;) at += writeSync(file, record, at);
    });
  }

  #attempt(work: (file: number) => void): void {
    if (this.#file === undefined) return;
    try {
      work(this.#file);
    } catch (error) {
      this.#file = undefined;
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.reporter.note(`warning: no more events for TensorBoard are written: ${(error as Error).message}`);
  }
}

function seconds(): number {
  return Date.now() / 1000;
}

/** The options of a run as a table in Markdown. */
function optionsTable(options: TrainOptions): string {
  const rows = Object.entries(options).map(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return `| ${name} | ${text.replaceAll('|', '\\|')} |`;
  });
  return ['| option | value |', '| --- | --- |', ...rows].join('\n');
}
