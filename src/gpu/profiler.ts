/** Timestamps a query set holds at most (WebGPU). Two for each kernel launch. */
const QUERIES = 4096;
const QUERY_RESOLVE = 0x200;
const COPY_SRC = 0x04;
const COPY_DST = 0x08;
const MAP_READ = 0x01;

export interface KernelTime {
  readonly label: string;
  launches: number;
  /** Milliseconds on the GPU, over all launches. */
  ms: number;
}

/** GPU time by kernel, from a timestamp before and after every launch. */
export class Profiler {
  readonly times = new Map<string, KernelTime>();
  readonly #chunks: { labels: string[]; set: GPUQuerySet; result: GPUBuffer | undefined }[] = [];

  constructor(private readonly device: GPUDevice) {}

  /** The pass descriptor for the next launch of `label`. */
  span(label: string): GPUComputePassDescriptor {
    let chunk = this.#chunks.at(-1);
    if (!chunk || chunk.result || chunk.labels.length * 2 >= QUERIES) {
      chunk = { labels: [], set: this.device.createQuerySet({ type: 'timestamp', count: QUERIES }), result: undefined };
      this.#chunks.push(chunk);
    }
    const first = chunk.labels.push(label) * 2 - 2;
    return {
      timestampWrites: { querySet: chunk.set, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
    };
  }

  /** Called before each submission: queries must be resolved in an encoder that follows the passes. */
  resolve(encoder: GPUCommandEncoder): void {
    for (const chunk of this.#chunks) {
      if (chunk.result) continue;
      const size = chunk.labels.length * 16;
      const resolved = this.device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
      chunk.result = this.device.createBuffer({ size, usage: MAP_READ | COPY_DST });
      encoder.resolveQuerySet(chunk.set, 0, chunk.labels.length * 2, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, chunk.result, 0, size);
    }
  }

  /** Reads all timestamps into `times`. */
  async collect(): Promise<void> {
    for (const { labels, result } of this.#chunks.splice(0)) {
      if (!result) continue;
      await result.mapAsync(MAP_READ);
      const stamps = new BigUint64Array(result.getMappedRange().slice(0));
      result.destroy();
      labels.forEach((label, i) => {
        const time = this.times.get(label) ?? { label, launches: 0, ms: 0 };
        time.launches++;
        time.ms += Number(stamps[2 * i + 1]! - stamps[2 * i]!) / 1e6;
        this.times.set(label, time);
      });
    }
  }
}
