import type { Device } from '../../gpu/device.js';
import type { Slice } from '../../gpu/pool.js';
import type { Timeline } from '../../gpu/profiler.js';

/** The most that an adapter was seen to do: what kernels are compared with. */
export interface Roofs {
  /** Bytes read and written a second, in 10⁹, by a kernel that copies vec4s. */
  readonly copyKernel: number;
  /** The same by copyBufferToBuffer, which need not go through a kernel. */
  readonly copyBuffer: number;
  /** Multiplications and additions of float32 a second, in 10⁹, of a kernel that stays in registers. */
  readonly fma: number;
}

/** Bytes of each of the two buffers: more than caches hold. */
const COPY_BYTES = 64 * 2 ** 20;
const COPIES = 12;

/** Invocations, vec4 chains and steps of fma_rate; the last two stand in shaders/roofline.wgsl. */
const INVOCATIONS = 262_144;
const WORKGROUP = 64;
const CHAINS = 2;
const STEPS = 32;
const RATES = 40;
/** Milliseconds below which a launch tells more of its beginning and end than of its rate. */
const LEAST_MS = 2;
const MOST_ROUNDS = 2 ** 24;

/** Measures an adapter's roofs, each as the best of several launches; takes about half a second. */
export async function measureRoofs(device: Device): Promise<Roofs> {
  const bytes = Math.min(COPY_BYTES, device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize);
  const [x, y] = [device.pool.acquire(bytes), device.pool.acquire(bytes)];
  try {
    // Memory counts only once it has been touched.
    device.clear(x);
    device.clear(y);
    const copies = await device.profile(() => {
      for (let i = 0; i < COPIES; i++) {
        launch(device, 'copy', { x, y }, { count: bytes / 16 });
        device.copy(x, y);
      }
      return Promise.resolve();
    });
    return {
      copyKernel: best(copies, 'roofline/copy', ({ bytes }) => bytes),
      copyBuffer: best(copies, 'copyBufferToBuffer', ({ bytes }) => bytes),
      fma: await measureFma(device, y),
    };
  } finally {
    for (const { buffer } of [x, y]) device.pool.release(buffer);
  }
}

/** The higher of two measurements of each roof: others use the machine as well. */
export function higher(a: Roofs, b: Roofs): Roofs {
  return {
    copyKernel: Math.max(a.copyKernel, b.copyKernel),
    copyBuffer: Math.max(a.copyBuffer, b.copyBuffer),
    fma: Math.max(a.fma, b.fma),
  };
}

/** As many rounds as it takes to keep the adapter busy for LEAST_MS, then the best of RATES launches. */
async function measureFma(device: Device, y: Slice): Promise<number> {
  const count = Math.min(INVOCATIONS, y.bytes / 16);
  const run = (rounds: number, times: number) =>
    device.profile(() => {
      for (let i = 0; i < times; i++) launch(device, 'fma_rate', { y }, { count, rounds });
      return Promise.resolve();
    });
  let rounds = 1;
  for (let ms = 0; ms < LEAST_MS && rounds < MOST_ROUNDS; rounds *= 4) {
    // The first launch of a kernel may take longer than all others.
    const { gpu } = await run(rounds, 2);
    ms = Math.min(...gpu.map(({ begin, end }) => end - begin));
  }
  return best(await run(rounds / 4, RATES), 'roofline/fma_rate', ({ flops }) => flops!);
}

function launch(
  device: Device,
  entry: 'copy' | 'fma_rate',
  bindings: Readonly<Record<string, Slice>>,
  { count, rounds = 0 }: { count: number; rounds?: number },
): void {
  const groups = Math.ceil(count / WORKGROUP);
  const down = Math.ceil(groups / device.limits.maxComputeWorkgroupsPerDimension);
  device.dispatch({
    shader: 'roofline',
    entry,
    ...(entry === 'fma_rate' && { constants: { CHAINS, STEPS }, flops: count * rounds * STEPS * CHAINS * 4 * 2 }),
    bindings,
    // The chains tend to addend/(1 − factor), far from numbers that are slow or overflow.
    params: { count, rounds, factor: 0.5, addend: 1 },
    grid: [Math.ceil(groups / down), down],
  });
}

/** The highest rate of `work` among the launches of a name, in 10⁹ a second. */
function best(
  { gpu }: Timeline,
  name: string,
  work: (launch: { bytes: number; flops: number | undefined }) => number,
): number {
  const rates = gpu.flatMap(({ launch, begin, end }) =>
    launch?.name === name ? [work(launch) / ((end - begin) * 1e6)] : [],
  );
  return Math.max(...rates);
}
