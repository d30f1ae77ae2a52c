import type { Device, TuningTable } from '../../gpu/device.js';
import { DEFAULT_CHOICE, tuneKernels, type TuningOptions, type TuningProblem } from '../../kernels/tuning/index.js';
import type { TuningCache } from './cache.js';

/** Milliseconds that are spent on kernels at the beginning of a run. */
const BUDGET = 1000;

export interface TrialOptions extends Omit<TuningOptions, 'onBegin'> {
  /** Trials have a device of their own: a kernel that a driver cannot take ends it, and no other. */
  readonly openDevice: () => Promise<Device>;
  /** Told which class of shapes a trial has ended for, and why; the others go on. */
  readonly onFault: (key: string, error: Error) => void;
}

/** Tunes kernels as src/kernels/tuning does, on devices of its own. */
export async function tuneOnOwnDevice(problems: readonly TuningProblem[], options: TrialOptions): Promise<void> {
  const deadline = performance.now() + options.budget;
  let left = [...problems];
  while (left.length > 0 && performance.now() < deadline && !options.signal?.aborted) {
    const device = await options.openDevice();
    let key = '';
    try {
      await tuneKernels(device, left, {
        ...options,
        budget: deadline - performance.now(),
        onBegin: problem => {
          key = problem.key;
          left = left.filter(other => other !== problem);
        },
      });
      return;
    } catch (error) {
      options.onFault(key, error instanceof Error ? error : new Error(String(error)));
    } finally {
      device.destroy();
    }
  }
}

export interface AutotuneOptions extends Pick<TrialOptions, 'openDevice' | 'signal'> {
  readonly cache: TuningCache;
  /** False: take what the cache has, and look for nothing. */
  readonly search: boolean;
  /** Told what went wrong, which is no reason to stop. */
  readonly warn: (text: string) => void;
}

/** The choices of the cache for these problems that are not the default. */
export function tableFor(problems: readonly TuningProblem[], choices: ReadonlyMap<string, string>): TuningTable {
  const used = problems.map(({ key }) => [key, choices.get(key)] as const);
  return new Map(used.filter((entry): entry is [string, string] => (entry[1] ?? DEFAULT_CHOICE) !== DEFAULT_CHOICE));
}

/**
 * The table for a run that computes these problems: what the cache has, and, for classes of shapes that were not met before,
 * what can be found within a second. Of choices that are found here the results are the default's bits, so that no run's
 * result depends on what was measured when; `facegrad tune-kernels` alone puts others into the cache. A class that was begun and
 * for which the time did not do stays with its default: no run pays for it again.
 */
export async function autotune(problems: readonly TuningProblem[], options: AutotuneOptions): Promise<TuningTable> {
  const { cache, search, warn, ...rest } = options;
  const unknown = search ? problems.filter(({ key }) => !cache.choices.has(key)) : [];
  const found = new Map<string, string>();
  await tuneOnOwnDevice(unknown, {
    ...rest,
    budget: BUDGET,
    sameBits: true,
    onResult: ({ key, choice }) => {
      found.set(key, choice);
    },
    onFault: (key, error) => {
      found.set(key, DEFAULT_CHOICE);
      warn(`${key} could not be tuned: ${error.message}`);
    },
  });
  if (found.size > 0) await cache.add(found, { replace: false });
  return tableFor(problems, cache.choices);
}
