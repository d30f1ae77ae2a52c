import { describe, expect, it, vi } from 'vitest';
import { endLines, epochHead, epochLine, epochTable, startLines } from '../../src/cli/report/epochs.js';
import { bytes, columns, duration, learningRate, loss, percent, rate, wrap } from '../../src/cli/report/format.js';
import { JsonReporter } from '../../src/cli/report/json.js';
import { PlainReporter } from '../../src/cli/report/plain.js';
import { barLine } from '../../src/cli/report/terminal.js';
import type { EpochRow, RunStart, StepProgress, TrainSummary } from '../../src/train/types.js';

function row(epoch: number, valAccuracy: number): EpochRow {
  return {
    epoch,
    lr: 1e-3,
    trainLoss: 1.58234,
    trainAccuracy: 0.38214,
    valLoss: 1.43117,
    valAccuracy,
    seconds: 92.4,
    imagesPerSecond: 312.4,
  };
}

const progress: StepProgress = {
  epoch: 3,
  epochs: 10,
  step: 120,
  steps: 449,
  images: 7680,
  loss: 1.2345,
  accuracy: 0.4512,
  imagesPerSecond: 312.2,
  secondsLeft: 3723,
};

const start: RunStart = {
  model: 'simple-cnn',
  parameters: 1234567,
  adapter: 'llvmpipe',
  data: { name: 'FER-2013', train: 28709, val: 3589, test: 3589 },
  options: {
    model: 'simple-cnn',
    data: 'x.csv',
    epochs: 2,
    batchSize: 64,
    lr: 0.01,
    optimizer: 'sgd',
    weightDecay: 1e-4,
    momentum: 0.9,
    nesterov: true,
    seed: 1,
  },
  runFolder: 'runs/a',
  steps: 449,
};

const summary: TrainSummary = {
  model: 'simple-cnn',
  parameters: 1234567,
  classes: ['a', 'b'],
  epochs: 2,
  bestEpoch: 2,
  bestValAccuracy: 0.5612,
  bestValLoss: 1.185,
  testLoss: 1.2,
  testAccuracy: 0.55,
  seconds: 184.8,
  imagesPerSecond: 311.6,
  adapter: 'llvmpipe',
  runFolder: 'runs/a',
  interrupted: false,
};

/** Lines that `print` writes to standard output. */
function captured(print: () => void): string[] {
  const lines: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((text: string) => {
    lines.push(...text.split('\n'));
  });
  try {
    print();
  } finally {
    log.mockRestore();
  }
  return lines;
}

describe('numbers', () => {
  it('reads as people write them', () => {
    expect([0, 42.4, 59.6, 727, 3600, 3723].map(duration)).toEqual([
      '0:00',
      '0:42',
      '1:00',
      '12:07',
      '1:00:00',
      '1:02:03',
    ]);
    expect([1e-3, 0.0123456, 1, 1e-5, 1.5e-6].map(learningRate)).toEqual(['0.001', '0.0123', '1', '1e-5', '1.5e-6']);
    expect([1.23456, 123.456].map(loss)).toEqual(['1.2346', '123.46']);
    expect([0.4999, 8.44, 312.4, 12345].map(rate)).toEqual(['0.5', '8.4', '312', '12,345']);
    expect(percent(0.56125)).toBe('56.13 %');
    expect([512, 16384, 134217728, 4294967295].map(bytes)).toEqual(['512 B', '16 KiB', '128 MiB', '4 GiB']);
  });

  it('aligns columns', () => {
    const rows = [
      ['a', '10', 'x', '5'],
      ['long', '9', '', '44'],
    ];
    expect(columns(rows, 'lr')).toEqual(['a     10  x   5', 'long   9     44']);
    expect(columns(rows, 'lrl')).toEqual(['a     10  x  5', 'long   9     44']);
  });

  it('wraps paragraphs', () => {
    expect(wrap('one two three', 7)).toEqual(['one two', 'three']);
    expect(wrap('incomprehensible a', 7)).toEqual(['incomprehensible', 'a']);
  });
});

describe('epoch table', () => {
  it('has rows as wide as its head, within 80 columns, whatever the numbers', () => {
    const wide: EpochRow = {
      ...row(12345, 1),
      lr: 1.23e-5,
      trainLoss: 12345.6,
      valLoss: 1e-9,
      seconds: 35999,
      imagesPerSecond: 123456,
    };
    for (const line of epochTable([row(1, 0.4), wide])) {
      expect(line.length).toBeLessThanOrEqual(80);
      expect(line.replace(/ \*$/, '')).toHaveLength(epochHead.length);
    }
  });

  it('puts each number under its name and stars each new best', () => {
    expect(epochLine(row(1, 0.4502), true)).toBe(
      '    1     0.001      1.5823    38.21 %    1.4312   45.02 %      312     1:32 *',
    );
    const stars = epochTable([row(1, 0.4), row(2, 0.5), row(3, 0.45), row(4, 0.5), row(5, 0.51)]).map(line =>
      line.endsWith('*'),
    );
    expect(stars).toEqual([false, true, true, false, false, true]);
  });

  it('says what is trained and how it ended', () => {
    expect(startLines(start)).toEqual([
      'simple-cnn: 1,234,567 parameters',
      'data: FER-2013, 28,709 training, 3,589 validation, 3,589 test images',
      '2 epochs, batch size 64, sgd, lr 0.01, momentum 0.9 (Nesterov), weight decay 0.0001, seed 1',
      'adapter: llvmpipe',
      'run folder: runs/a',
    ]);
    expect(endLines(summary)).toEqual([
      'best epoch: 2, validation accuracy 56.12 %, loss 1.1850',
      'its weights on the test split: accuracy 55.00 %, loss 1.2000',
      '2 epochs in 3:05, 312 images/s',
      'results: runs/a',
    ]);
    const interrupted = { ...summary, interrupted: true, runFolder: "my run's" };
    expect(endLines(interrupted).at(-1)).toContain(`--resume 'my run'\\''s'`);
  });
});

describe('bar', () => {
  it.each([20, 40, 79, 80, 120, 300])('fits a terminal of %i columns', width => {
    for (const step of [0, 1, 448, 449]) {
      expect(barLine({ ...progress, step }, width).length).toBeLessThan(width);
    }
  });

  it('shows at 80 columns all that matters', () => {
    expect(barLine(progress, 80)).toMatch(
      /^ 3\/10 █+░+ {2}26 % {2}loss 1\.2345 {2}acc 45\.12 % {2}312 img\/s {2}1:02:03 left$/,
    );
    expect(barLine({ ...progress, step: 449 }, 80)).toContain('validating');
  });

  it('fills with the steps', () => {
    const filled = (step: number) => barLine({ ...progress, step }, 120).split('█').length - 1;
    expect(filled(0)).toBe(0);
    expect(filled(224)).toBe(20);
    expect(filled(449)).toBe(40);
  });
});

describe('plain reporter', () => {
  it('writes lines that stand alone, and the whole table at the end, history included', () => {
    const reporter = new PlainReporter([row(1, 0.4), row(2, 0.9)]);
    const lines = captured(() => {
      reporter.start({ ...start, resumedFrom: 1 });
      reporter.step(progress);
      reporter.epoch(row(2, 0.5), true);
      reporter.end(summary);
    });
    expect(lines).toContain('resumed after epoch 1');
    expect(lines).toContain(
      'epoch 2/2 done in 1:32: train loss 1.5823, accuracy 38.21 %; validation loss 1.4312, accuracy 50.00 % (best)',
    );
    const head = lines.indexOf(epochHead);
    expect(lines.slice(head + 1, head + 4)).toEqual([epochLine(row(1, 0.4), true), epochLine(row(2, 0.5), true), '']);
  });

  it('reports steps every ten seconds', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const reporter = new PlainReporter([]);
      const lines = captured(() => {
        for (let second = 0; second < 25; second++) {
          reporter.step(progress);
          vi.advanceTimersByTime(1000);
        }
      });
      expect(lines).toEqual(
        new Array(2).fill('epoch 3/10, step 120/449: loss 1.2345, accuracy 45.12 %, 312 images/s, 1:02:03 left'),
      );
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('json reporter', () => {
  it('writes one object a line, steps at most once a second, the summary last', () => {
    const reporter = new JsonReporter();
    const events = captured(() => {
      reporter.start(start);
      reporter.step(progress);
      reporter.step(progress);
      reporter.epoch(row(1, 0.4), true);
      reporter.saved('runs/a/last.safetensors');
      reporter.end(summary);
    }).map(line => JSON.parse(line) as { event: string });
    expect(events.map(({ event }) => event)).toEqual(['start', 'step', 'epoch', 'saved', 'summary']);
    expect(events[2]).toEqual({ event: 'epoch', best: true, ...row(1, 0.4) });
    expect(events[4]).toEqual({ event: 'summary', ...summary });
  });
});
