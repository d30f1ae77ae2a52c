import { UserError } from '../util/errors.js';

/** Timestamps that a query set holds at most (WebGPU): two for each launch. */
const QUERIES = 4096;
const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const MAP_READ = 0x01;

/** What runs on the GPU between two timestamps. */
export interface Launch {
  /** `<shader>/<entry point>`; `copyBufferToBuffer` and `clearBuffer` for those. */
  readonly name: string;
  /** The name with the constants that the kernel was specialised by. */
  readonly variant: string;
  /** The values of its `Params`. */
  readonly params: Readonly<Record<string, number>>;
  /** Multiplications and additions, where the operation counts them. */
  readonly flops: number | undefined;
  /** Bytes read and written, each operand once (src/gpu/traffic.ts). */
  readonly bytes: number;
}

/** A stretch of time in milliseconds of `performance.now()`. */
export interface Span {
  readonly begin: number;
  readonly end: number;
}

export interface GpuSpan extends Span {
  /** Undefined where whole submissions are timed. */
  readonly launch: Launch | undefined;
}

/**
 * What the host is busy with: `record` calls operations, `encode` turns what they recorded into WebGPU commands, `submit`
 * hands these to the driver, `wait` is for the GPU. A `submit` lies inside an `encode`.
 */
export type HostWork = 'record' | 'encode' | 'submit' | 'wait';

export interface HostSpan extends Span {
  readonly work: HostWork;
}

/**
 * What lies between two timestamps: each launch, in a pass of its own; or each submission as it would run without a
 * profiler, which costs nothing worth naming.
 */
export type Detail = 'launches' | 'submissions';

/** Everything in the order in which it began. */
export interface Timeline {
  readonly gpu: readonly GpuSpan[];
  readonly host: readonly HostSpan[];
}

interface Chunk {
  readonly set: GPUQuerySet;
  readonly launches: (Launch | undefined)[];
  readonly capacity: number;
  resolved?: GPUBuffer;
  result?: GPUBuffer;
  /** When it was handed to the driver. */
  submitted?: number;
}

/** @throws UserError for an adapter that cannot time its kernels */
export function requireTimestamps(features: ReadonlySet<string>, adapter: string): void {
  if (features.has('timestamp-query')) return;
  throw new UserError(
    `the adapter ${adapter} has no timestamp queries (timestamp-query), by which kernels are timed; ` +
      '`facegrad doctor` lists the adapters that --adapter and --backend can choose',
  );
}

/** Puts timestamps between commands, and keeps a record of the host's time. */
export class Profiler {
  readonly #host: HostSpan[] = [];
  readonly #chunks: Chunk[] = [];

  constructor(
    private readonly device: GPUDevice,
    readonly detail: Detail,
  ) {}

  /** Runs `fn` as a span of `work`. */
  during<T>(work: HostWork, fn: () => T): T {
    const end = this.begin(work);
    try {
      return fn();
    } finally {
      end();
    }
  }

  /** Begins a span of `work`, which the function that it gives ends. */
  begin(work: HostWork): () => void {
    const begin = performance.now();
    return () => {
      this.#host.push({ work, begin, end: performance.now() });
    };
  }

  /** Begins an encoder: where submissions are timed, with a timestamp. */
  open(encoder: GPUCommandEncoder): void {
    if (this.detail === 'launches') return;
    const { set } = this.#room(undefined, 1);
    encoder.beginComputePass({ timestampWrites: { querySet: set, beginningOfPassWriteIndex: 0 } }).end();
  }

  /** The descriptor of the pass in which `launch` is to run alone. */
  pass(launch: Launch): GPUComputePassDescriptor {
    const { set, first } = this.#room(launch);
    return {
      timestampWrites: { querySet: set, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    };
  }

  /** Times a command that stands outside passes, between two empty ones. */
  around(encoder: GPUCommandEncoder, launch: Launch, command: () => void): void {
    const { set, first } = this.#room(launch);
    encoder.beginComputePass({ timestampWrites: { querySet: set, endOfPassWriteIndex: first } }).end();
    command();
    encoder.beginComputePass({ timestampWrites: { querySet: set, beginningOfPassWriteIndex: first + 1 } }).end();
  }

  /** Ends an encoder, right before it is submitted: queries are resolved behind the passes that write them. */
  close(encoder: GPUCommandEncoder): void {
    for (const chunk of this.#chunks) {
      if (chunk.result) continue;
      if (this.detail === 'submissions') {
        encoder.beginComputePass({ timestampWrites: { querySet: chunk.set, endOfPassWriteIndex: 1 } }).end();
      }
      const size = chunk.launches.length * 16;
      chunk.resolved = this.device.createBuffer({ label: 'timestamps', size, usage: QUERY_RESOLVE | COPY_SRC });
      chunk.result = this.device.createBuffer({ label: 'timestamps', size, usage: MAP_READ | COPY_DST });
      encoder.resolveQuerySet(chunk.set, 0, chunk.launches.length * 2, chunk.resolved, 0);
      encoder.copyBufferToBuffer(chunk.resolved, 0, chunk.result, 0, size);
      chunk.submitted = performance.now();
    }
  }

  /** Reads all timestamps. Everything that was timed must have been submitted. */
  async collect(): Promise<Timeline> {
    const gpu: GpuSpan[] = [];
    /** From the GPU's clock to the host's. */
    let offset = -Infinity;
    for (const { result, launches, submitted } of this.#chunks) {
      if (!result) continue;
      await result.mapAsync(MAP_READ);
      const stamps = new BigUint64Array(result.getMappedRange());
      const at = (i: number) => Number(stamps[i]!) / 1e6;
      // WebGPU does not relate the two clocks. No kernel begins before it is submitted, and the one that waited least is
      // taken to have begun at once.
      offset = Math.max(offset, submitted! - at(0));
      launches.forEach((launch, i) => gpu.push({ launch, begin: at(2 * i), end: at(2 * i + 1) }));
    }
    const byBegin = (a: Span, b: Span) => a.begin - b.begin;
    return {
      gpu: gpu.map(({ launch, begin, end }) => ({ launch, begin: begin + offset, end: end + offset })).sort(byBegin),
      host: this.#host.sort(byBegin),
    };
  }

  /** Gives the memory of queries and results back. */
  dispose(): void {
    for (const { set, resolved, result } of this.#chunks.splice(0)) {
      set.destroy();
      resolved?.destroy();
      result?.destroy();
    }
  }

  /** Two queries of a set that is not resolved yet: the first one's number. */
  #room(launch: Launch | undefined, capacity = QUERIES / 2): { set: GPUQuerySet; first: number } {
    let chunk = this.#chunks.at(-1);
    if (!chunk || chunk.result || chunk.launches.length === chunk.capacity) {
      const set = this.device.createQuerySet({ type: 'timestamp', count: 2 * capacity });
      chunk = { set, launches: [], capacity };
      this.#chunks.push(chunk);
    }
    return { set: chunk.set, first: chunk.launches.push(launch) * 2 - 2 };
  }
}
