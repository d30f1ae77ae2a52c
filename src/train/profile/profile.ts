import type { Counts, Device } from '../../gpu/device.js';
import { requireTimestamps, type HostWork, type Launch, type Profiler, type Timeline } from '../../gpu/profiler.js';
import { median } from '../../util/statistics.js';
import { adapterName } from '../trainer.js';
import { IN_FLIGHT } from '../validate.js';
import { idle, length } from './spans.js';
import { higher, measureRoofs, type Roofs } from './roofs.js';
import { createWorkload, type Workload, type WorkloadOptions } from './workload.js';

/** Steps before anything is timed: kernels are compiled in the first, and from the third on nothing new is made. */
const WARM_UP = 3;

/** What is timed, and how long. */
export interface ProfileOptions extends WorkloadOptions {
  /** Steps that are timed, twice: as they are, and launch by launch. */
  readonly steps: number;
  /** Told what is being done. */
  readonly onProgress?: (what: string, fraction: number) => void;
}

/** A step as it runs by itself; milliseconds a step. */
export interface StepProfile {
  readonly wallMs: number;
  readonly imagesPerSecond: number;
  /** While the GPU had a submission to run, and while it had none. */
  readonly gpuBusyMs: number;
  readonly gpuIdleMs: number;
  /** Times that the GPU ran out of work, a step. */
  readonly gaps: number;
  /** Of the host; `encode` without `submit`. */
  readonly host: Readonly<Record<HostWork, number>>;
  /** What the device counted, a step. */
  readonly counts: Readonly<Counts>;
}

/** Where the time of a network's steps goes, in milliseconds. */
export interface Profile {
  readonly options: Omit<ProfileOptions, 'onProgress'>;
  readonly adapter: string;
  /** (C,H,W) of an image. */
  readonly input: readonly [number, number, number];
  readonly roofs: Roofs;
  readonly step: StepProfile;
  /** Of the steps that were timed launch by launch. */
  readonly timeline: Timeline;
}

/** Launches of a kind, a step of them. */
export interface KernelProfile {
  readonly name: string;
  readonly calls: number;
  /** Milliseconds of all its calls in a step, each call's the median over the steps. */
  readonly ms: number;
  /** Of a call. */
  readonly meanMs: number;
  /** As `ms`, each call's the shortest of the steps: what is left of it where others use the machine. */
  readonly bestMs: number;
  /** Of the time of all launches. */
  readonly share: number;
  /** 10⁹ operations a second; undefined where the kernel's operation does not count them. */
  readonly gflops: number | undefined;
  /** 10⁹ bytes a second, each operand counted once. */
  readonly gbs: number;
  /** Fractions of the adapter's roofs. */
  readonly ofFma: number | undefined;
  readonly ofCopy: number;
}

/** By what launches are taken together: the entry point; with the constants it was specialised by; or with its sizes too. */
export const GROUPINGS = ['kernel', 'variant', 'shape'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/**
 * Measures the adapter's roofs and a network's steps: as they run by themselves, then with each launch between two
 * timestamps, which takes a little longer.
 * @throws UserError for an adapter without timestamp queries, and for what the network does not take
 */
export async function profile(device: Device, options: ProfileOptions): Promise<Profile> {
  const { steps, batchSize, onProgress = () => undefined, ...rest } = options;
  const adapter = adapterName(device);
  requireTimestamps(device.features, adapter);
  const workload = createWorkload(device, options);
  try {
    onProgress("measuring the adapter's roofs", 0);
    const roofs = await measureRoofs(device);
    const run = async (what: string, count: number, profiler?: Profiler) => {
      for (let i = 0; i < count; i++) {
        onProgress(what, i / count);
        await runStep(device, workload, profiler);
      }
      await device.settle();
    };
    await run('compiling', WARM_UP);
    const before = device.counts;
    const asItIs = await device.profile(profiler => run('timing steps', steps, profiler), 'submissions');
    const counts = perStep(before, device.counts, steps);
    const timeline = await device.profile(profiler => run('timing launches', steps, profiler), 'launches');
    return {
      options: { ...rest, steps, batchSize },
      adapter,
      input: workload.input,
      roofs: higher(roofs, await measureRoofs(device)),
      step: describeStep(asItIs, steps, batchSize, counts),
      timeline,
    };
  } finally {
    workload.dispose();
  }
}

/** As in training: the host records a step while the GPU works on those before. */
async function runStep(device: Device, workload: Workload, profiler: Profiler | undefined): Promise<void> {
  if (profiler) {
    profiler.during('record', () => {
      workload.step();
    });
  } else {
    workload.step();
  }
  await device.settle(IN_FLIGHT);
}

function perStep(before: Counts, after: Counts, steps: number): Counts {
  const names = Object.keys(before) as (keyof Counts)[];
  const counts = { ...before };
  for (const name of names) counts[name] = (after[name] - before[name]) / steps;
  return counts;
}

function describeStep({ gpu, host }: Timeline, steps: number, batchSize: number, counts: Counts): StepProfile {
  const wall = Math.max(...[...gpu, ...host].map(({ end }) => end)) - host[0]!.begin;
  const of = (work: HostWork) => length(host.filter(span => span.work === work)) / steps;
  const gaps = idle(gpu);
  const busy = length(gpu) / steps;
  return {
    wallMs: wall / steps,
    imagesPerSecond: (1000 * batchSize * steps) / wall,
    gpuBusyMs: busy,
    gpuIdleMs: wall / steps - busy,
    gaps: gaps.length / steps,
    host: { record: of('record'), encode: of('encode') - of('submit'), submit: of('submit'), wait: of('wait') },
    counts,
  };
}

/**
 * The launches of a profile by kind, the longest first.
 * @throws where the steps do not all launch the same, so that their launches cannot be compared
 */
export function kernelProfiles({ timeline, options, roofs }: Profile, by: Grouping): KernelProfile[] {
  const { gpu } = timeline;
  const launches = gpu.length / options.steps;
  if (!Number.isInteger(launches))
    throw new Error(`${options.steps} steps made ${gpu.length} launches: no two are alike`);
  const kinds = new Map<
    string,
    { calls: number; ms: number; bestMs: number; flops: number | undefined; bytes: number }
  >();
  for (let i = 0; i < launches; i++) {
    const launch = gpu[i]!.launch!;
    const times = Array.from({ length: options.steps }, (_, step) => {
      const { begin, end } = gpu[step * launches + i]!;
      return end - begin;
    });
    const name = kindOf(launch, by);
    const kind = kinds.get(name) ?? { calls: 0, ms: 0, bestMs: 0, flops: undefined, bytes: 0 };
    kinds.set(name, kind);
    kind.calls++;
    kind.ms += median(times);
    kind.bestMs += Math.min(...times);
    kind.bytes += launch.bytes;
    if (launch.flops !== undefined) kind.flops = (kind.flops ?? 0) + launch.flops;
  }
  const all = [...kinds.values()].reduce((sum, { ms }) => sum + ms, 0);
  return [...kinds]
    .map(([name, { calls, ms, bestMs, flops, bytes }]): KernelProfile => {
      // 10⁹ a second are 10⁶ a millisecond.
      const gflops = flops === undefined ? undefined : flops / (ms * 1e6);
      const gbs = bytes / (ms * 1e6);
      return {
        ...{ name, calls, ms, meanMs: ms / calls, bestMs, share: ms / all, gflops, gbs },
        ofFma: gflops === undefined ? undefined : gflops / roofs.fma,
        ofCopy: gbs / roofs.copyKernel,
      };
    })
    .sort((a, b) => b.ms - a.ms);
}

function kindOf({ name, variant, params }: Launch, by: Grouping): string {
  if (by === 'kernel') return name;
  if (by === 'variant') return variant;
  // Ones and zeros are what a size is where it plays no part.
  const sizes = Object.entries(params).filter(([, value]) => Number.isInteger(value) && value > 1);
  return [name, ...sizes.map(([size, value]) => `${size}=${value}`)].join(' ');
}
