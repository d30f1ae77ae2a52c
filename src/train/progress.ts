import type { Branch, Position } from './position.js';
import type { EpochRow } from './types.js';

/** Where a run stands: finished epochs, finished steps of the epoch under way, its stage, and the seconds so far. */
export class Progress {
  epochs = 0;
  step = 0;
  stage = 0;
  /** Where it went back to an earlier place, if it did. */
  branch: Branch | undefined;
  /** The best epoch is one after this one: weights of earlier ones are no more. */
  bestAfter = 0;
  seconds = 0;
  epochSeconds = 0;
  history: EpochRow[] = [];
  // Not the time of day, which may jump.
  #clock = performance.now();

  /** From here on time counts. */
  startClock(): void {
    this.#clock = performance.now();
  }

  /** Adds the time since the last call to the run's and the epoch's. */
  lap(): void {
    const now = performance.now();
    const passed = (now - this.#clock) / 1000;
    this.#clock = now;
    this.seconds += passed;
    this.epochSeconds += passed;
  }

  /** The first row of the highest validation accuracy; epoch 0 where there is none. */
  get best(): EpochRow {
    return bestRow(this.history.filter(({ epoch }) => epoch > this.bestAfter)) ?? NO_ROW;
  }

  /** Images a second over all epochs; 0 where none has finished. */
  get meanRate(): number {
    return meanRate(this.history) ?? 0;
  }

  /** Goes on with the next epoch; whether the one that ended is the best. */
  finishEpoch(row: EpochRow): boolean {
    const isBest = row.valAccuracy > this.best.valAccuracy;
    if (row.valAccuracy > (bestRow(this.history) ?? NO_ROW).valAccuracy) this.bestAfter = 0;
    this.history.push(row);
    this.epochs++;
    this.step = 0;
    this.epochSeconds = 0;
    return isBest;
  }

  /** As a checkpoint keeps it. */
  position(): Position {
    const { epochs, step, stage, branch, bestAfter, seconds, epochSeconds, history } = this;
    return {
      ...{ epochs, step, seconds, epochSeconds, history: [...history] },
      ...(stage > 0 ? { stage } : {}),
      ...(branch ? { branch } : {}),
      ...(bestAfter > 0 ? { bestAfter } : {}),
    };
  }

  restore({ epochs, step, stage = 0, branch, bestAfter = 0, seconds, epochSeconds, history }: Position): void {
    Object.assign(this, { epochs, step, stage, branch, bestAfter, seconds, epochSeconds, history: [...history] });
  }
}

const NO_ROW: EpochRow = {
  ...{ epoch: 0, lr: 0, trainLoss: 0, trainAccuracy: 0, valLoss: 0, valAccuracy: -1, seconds: 0, imagesPerSecond: 0 },
};

/** The first row of the highest validation accuracy. */
export function bestRow(history: readonly EpochRow[]): EpochRow | undefined {
  return history.reduce<EpochRow | undefined>(
    (best, row) => (best === undefined || row.valAccuracy > best.valAccuracy ? row : best),
    undefined,
  );
}

/** Images a second over epochs of the same number of images each: the harmonic mean. */
export function meanRate(history: readonly EpochRow[]): number | undefined {
  if (history.length === 0) return undefined;
  return history.length / history.reduce((sum, row) => sum + 1 / row.imagesPerSecond, 0);
}
