import type { Timeline } from '../../gpu/profiler.js';
import { tracks } from './spans.js';

/** An event of Chrome's trace format: "Trace Event Format", docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU. */
export type TraceEvent =
  | { readonly ph: 'M'; readonly name: string; readonly pid: number; readonly tid: number; readonly args: object }
  | {
      /** A complete event: a slice with its length. */
      readonly ph: 'X';
      readonly name: string;
      readonly cat: 'gpu' | 'host';
      /** Microseconds. */
      readonly ts: number;
      readonly dur: number;
      readonly pid: number;
      readonly tid: number;
      readonly args: Readonly<Record<string, unknown>>;
    };

const PID = 1;
const HOST_TRACK = 1;
const GPU_TRACK = 2;

/**
 * A timeline as a file for Perfetto (ui.perfetto.dev) or chrome://tracing: a track of the host's work and one of the GPU's
 * launches; more where launches overlap. Time begins with the first event.
 */
export function chromeTrace({ gpu, host }: Timeline, process: string): string {
  const zero = Math.min(gpu[0]?.begin ?? Infinity, host[0]?.begin ?? Infinity);
  // Nanoseconds are what timestamps resolve at best.
  const micros = (ms: number) => Math.round(ms * 1e6) / 1e3;
  const named = (name: string, tid: number, value: string): TraceEvent => ({
    ...{ ph: 'M', name, pid: PID, tid, args: { name: value } },
  });
  const events: TraceEvent[] = [named('process_name', 0, process), named('thread_name', HOST_TRACK, 'host')];
  for (const { work, begin, end } of host) {
    events.push({
      ...{ ph: 'X', name: work, cat: 'host', ts: micros(begin - zero), dur: micros(end - begin) },
      ...{ pid: PID, tid: HOST_TRACK, args: {} },
    });
  }
  tracks(gpu).forEach((spans, i) => {
    const tid = GPU_TRACK + i;
    events.push(named('thread_name', tid, i === 0 ? 'GPU' : `GPU (beside, ${i})`));
    for (const { launch, begin, end } of spans) {
      const { name, variant, params, flops, bytes } = launch!;
      events.push({
        ...{ ph: 'X', name, cat: 'gpu', ts: micros(begin - zero), dur: micros(end - begin), pid: PID, tid },
        args: { variant, ...params, bytes, ...(flops !== undefined && { flops }) },
      });
    }
  });
  return JSON.stringify({ traceEvents: events, displayTimeUnit: 'ms' });
}
