import Benchmark from 'benchmark';

/** One contestant's figures: the median of its samples, and half the range that holds the middle half of them. */
export interface Figures {
  readonly medianMs: number;
  readonly spread: number;
  readonly rate: number;
  readonly unit: string;
}

export interface Result {
  readonly name: string;
  readonly adapter: string;
  readonly contestants: Readonly<Record<string, Figures>>;
}

/** What one run of a bench does: `work` units of `unit` in `run`, which ends when the GPU has finished. */
export interface Bench {
  readonly name: string;
  readonly work: number;
  readonly unit: string;
  /** Builds tensors, checks the result against a plain computation, and gives the function to time. */
  readonly prepare: () => Promise<{ run: () => Promise<void>; dispose: () => void }>;
}

/** Times `run` after it has warmed up; at least `seconds` of samples. */
export async function measure(bench: Bench, seconds: number): Promise<Figures> {
  const { run, dispose } = await bench.prepare();
  for (let i = 0; i < 3; i++) await run();
  const samples = await new Promise<readonly number[]>((resolve, reject) => {
    const timed: Benchmark = new Benchmark({
      defer: true,
      minSamples: 5,
      maxTime: seconds,
      fn: (deferred: { resolve: () => void }) => {
        run().then(
          () => {
            deferred.resolve();
          },
          (error: unknown) => {
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
      },
      onComplete: () => {
        resolve(timed.stats.sample);
      },
    });
    timed.run({ async: true });
  });
  dispose();
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (share: number) => 1000 * sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const medianMs = at(0.5);
  return { medianMs, spread: (at(0.75) - at(0.25)) / 2, rate: bench.work / (medianMs / 1000), unit: bench.unit };
}
