/** What samples of memory come to: whether it stayed, after everything that fills in the beginning has. */

/** Memory at some moment between two steps, in bytes. */
export interface Sample {
  /** Steps or predictions so far. */
  readonly done: number;
  /** Handed out and not released. */
  readonly live: number;
  /** Buffers that are. */
  readonly buffers: number;
  /** Given by the driver. */
  readonly drawn: number;
  /** Of the process: the driver's too, where that computes on the CPU. */
  readonly resident: number;
  /** Of JavaScript, after everything that is not needed was collected. */
  readonly heap: number;
}

export interface Part {
  readonly what: string;
  readonly done: number;
  readonly seconds: number;
  readonly samples: readonly Sample[];
}

/** Before memory is compared, so many steps or predictions are done, and this share of all. */
const WARM_UP = 1000;
const WARM_UP_SHARE = 0.1;
/** After it; fewer say nothing. */
const LEAST_SAMPLES = 8;
/** How much larger resident memory may become than the median of the first quarter: what is asked for. */
const RESIDENT_GROWTH = 0.05;
/**
 * Likewise of JavaScript's memory, of which the median of the last quarter is meant: collected, it hardly stirs, but that a
 * single look finds what an epoch's end still holds (5 of 50 MiB).
 */
const HEAP_GROWTH = 0.02;

/** Whether memory stayed; undefined where too few samples were taken to say so. */
export interface Verdict {
  readonly what: string;
  readonly done: number;
  readonly seconds: number;
  readonly warmUp: number;
  /** After the warm-up. */
  readonly samples: number;
  readonly live: Span;
  readonly buffers: Span;
  readonly drawn: Span;
  readonly resident: Growth;
  readonly heap: Growth;
  readonly holds: boolean | undefined;
}

interface Span {
  readonly least: number;
  readonly most: number;
}

export interface Growth extends Span {
  /** Medians of the first quarter of samples, and of the last. */
  readonly first: number;
  readonly last: number;
  /** Bytes a step or prediction, between the two. */
  readonly perStep: number;
}

export function verdictOf({ what, done, seconds, samples }: Part): Verdict {
  const warmUp = Math.max(WARM_UP, Math.ceil(WARM_UP_SHARE * done));
  const after = samples.filter(one => one.done >= warmUp);
  const of = (key: keyof Sample) => after.map(one => one[key]);
  const [live, buffers, drawn] = [spanOf(of('live')), spanOf(of('buffers')), spanOf(of('drawn'))];
  const [resident, heap] = [growthOf(after, 'resident'), growthOf(after, 'heap')];
  const grew = (now: number, { first }: Growth, limit: number) => now > (1 + limit) * first;
  const constant = live.least === live.most && buffers.least === buffers.most;
  const holds =
    constant &&
    !grew(resident.last, resident, RESIDENT_GROWTH) &&
    !grew(resident.most, resident, RESIDENT_GROWTH) &&
    !grew(heap.last, heap, HEAP_GROWTH);
  const judged = after.length >= LEAST_SAMPLES ? holds : undefined;
  return { what, done, seconds, warmUp, samples: after.length, live, buffers, drawn, resident, heap, holds: judged };
}

function spanOf(values: readonly number[]): Span {
  return { least: Math.min(...values), most: Math.max(...values) };
}

function growthOf(samples: readonly Sample[], key: 'resident' | 'heap'): Growth {
  const quarter = Math.ceil(samples.length / 4);
  const [begin, end] = [samples.slice(0, quarter), samples.slice(-quarter)];
  const [first, last] = [begin, end].map(part => median(part.map(one => one[key]))) as [number, number];
  const [from, to] = [begin, end].map(part => median(part.map(one => one.done))) as [number, number];
  return { ...spanOf(samples.map(one => one[key])), first, last, perStep: (last - first) / (to - from) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2;
}
