import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { create, globals } from 'webgpu';
import { UserError } from '../util/errors.js';
import { Device } from './device.js';
import { MATRIX_FEATURE, matrixShape, type Precision } from './matrices.js';

/** Which adapter `openDevice` takes, and how kernels compute on it. */
export interface OpenOptions {
  /** `high-performance`, `low-power`, or part of an adapter's name. */
  readonly adapter?: string | undefined;
  /** Dawn's backend: vulkan, metal, d3d12, d3d11, opengl, opengles. */
  readonly backend?: string | undefined;
  /** False: take the portable kernels even where the adapter has subgroups. */
  readonly subgroups?: boolean | undefined;
  /**
   * `amp`: products and convolutions on subgroup matrices with f16 operands, where the adapter offers them (`ampProblem` of
   * matrices.ts says whether it does); else everything is as with `f32`.
   */
  readonly precision?: Precision | undefined;
  /** Choose kernels as for subgroups of so many lanes, whatever the adapter has: only where nothing is run. */
  readonly lanes?: number | undefined;
  /** Texts of shaders that are not the package's own, by names that none of those has. */
  readonly shaders?: ReadonlyMap<string, string> | undefined;
}

export const BACKENDS = ['vulkan', 'metal', 'd3d12', 'd3d11', 'opengl', 'opengles', 'null'] as const;

const SHADERS = new URL('../../shaders/', import.meta.url);
const FEATURES: readonly GPUFeatureName[] = ['subgroups', 'timestamp-query', 'shader-f16'];

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Milliseconds that a wait sleeps between two turns at most. */
const LONGEST_SLEEP = 2;

/**
 * Waits for a promise of dawn.node. While one is pending its event loop spins and takes a core from a software driver, so
 * the thread sleeps between turns: an eighth of the time that it has waited so far, so that short waits end in time.
 */
export async function waitInTurns<T>(promise: Promise<T>): Promise<T> {
  const state = { settled: false };
  const mark = () => {
    state.settled = true;
  };
  promise.then(mark, mark);
  const start = performance.now();
  for (;;) {
    await new Promise(resolve => setImmediate(resolve));
    if (state.settled) return promise;
    Atomics.wait(sleeper, 0, 0, Math.min(LONGEST_SLEEP, (performance.now() - start) / 8));
  }
}

/** The text of `shaders/<name>.wgsl`, from the package's own folder. */
export function shaderText(name: string): string {
  return readFileSync(new URL(`${name}.wgsl`, SHADERS), 'utf8');
}

/** What `shaderText` takes. */
export function shaderNames(): string[] {
  const files = readdirSync(SHADERS).filter(file => file.endsWith('.wgsl'));
  return files.map(file => file.slice(0, -'.wgsl'.length)).sort();
}

type PowerPreference = 'high-performance' | 'low-power';

/** Dawn with the flags for `options`, and how its adapter is asked for. */
function startDawn(options: OpenOptions): { gpu: GPU; powerPreference: PowerPreference } {
  const flags = [
    // Rounds timestamps to 65 µs otherwise, longer than most kernels.
    'disable-dawn-features=timestamp_quantization',
    // Offers shader-f16 on NVIDIA's Vulkan driver.
    'enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia',
  ];
  if (options.backend !== undefined) {
    if (!BACKENDS.some(backend => backend === options.backend)) {
      throw new UserError(`unknown backend '${options.backend}'; known are ${BACKENDS.join(', ')}`);
    }
    flags.push(`backend=${options.backend}`);
  }
  const preference =
    options.adapter === 'high-performance' || options.adapter === 'low-power' ? options.adapter : undefined;
  if (options.adapter !== undefined && !preference) flags.push(`adapter=${options.adapter}`);
  return { gpu: create(flags), powerPreference: preference ?? 'high-performance' };
}

/**
 * Gives this process `navigator.gpu` and WebGPU's constants, as browsers have them, for libraries that look for those; it is
 * the Dawn that `openDevice` takes with the same options. The function that comes back gives the adapter that a library
 * has asked for last.
 */
export function provideNavigatorGpu(options: OpenOptions = {}): () => GPUAdapter | null {
  const { gpu, powerPreference } = startDawn(options);
  let given: GPUAdapter | null = null;
  const requestAdapter = async () => (given = await gpu.requestAdapter({ powerPreference }));
  const { wgslLanguageFeatures } = gpu;
  const getPreferredCanvasFormat = () => gpu.getPreferredCanvasFormat();
  const value = { gpu: { requestAdapter, wgslLanguageFeatures, getPreferredCanvasFormat }, userAgent: 'node' };
  Object.assign(globalThis, globals);
  Object.defineProperty(globalThis, 'navigator', { value, configurable: true });
  return () => given;
}

/**
 * Opens Dawn's adapter as a Device.
 * @throws UserError when no adapter matches, with what to do about it
 */
export async function openDevice(options: OpenOptions = {}): Promise<Device> {
  const { gpu, powerPreference } = startDawn(options);
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference });
  } catch (error) {
    // Dawn lists what there is when a backend or an adapter's name does not match.
    throw new UserError(`no WebGPU adapter: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!adapter) {
    throw new UserError(
      'no WebGPU adapter was found; install a Vulkan driver (Debian and Ubuntu: mesa-vulkan-drivers, 25.0 or later) or run `npm run setup`',
    );
  }
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  // An experiment of Dawn's: asked for only where it is used.
  const features = options.precision === 'amp' ? [...FEATURES, MATRIX_FEATURE as GPUFeatureName] : FEATURES;
  const device = await adapter.requestDevice({
    requiredFeatures: features.filter(feature => adapter.features.has(feature)),
    requiredLimits: limits,
  });
  const matrices = options.precision === 'amp' ? matrixShape(adapter.info, device.features) : undefined;
  return new Device({
    adapter,
    device,
    shaderText: name => options.shaders?.get(name) ?? shaderText(name),
    wait: waitInTurns,
    keepAlive: gpu,
    ...(options.subgroups === undefined ? {} : { subgroups: options.subgroups }),
    ...(options.lanes === undefined ? {} : { lanes: options.lanes }),
    ...(typeof matrices === 'object' ? { matrices } : {}),
  });
}

/** An adapter as Dawn lists it. */
export interface ListedAdapter {
  readonly backend: string;
  readonly name: string;
}

/** A name that no adapter has: Dawn answers it with the list of those that there are. */
const NO_ADAPTER = '(list)';

/** The adapters that `openDevice` can choose from, by `backend` and by `adapter`, which may be a part of the name. */
export async function listAdapters(): Promise<ListedAdapter[]> {
  const { gpu } = startDawn({ adapter: NO_ADAPTER });
  const message = await gpu.requestAdapter().then(
    () => '',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return parseAdapterList(message);
}

/** Dawn's list of adapters, from the message that it gives for a name that none has. */
export function parseAdapterList(message: string): ListedAdapter[] {
  return [...message.matchAll(/^ \* backend: '([^']*)', name: '(.*)'$/gm)].map(([, backend, name]) => ({
    backend: backend!,
    name: name!,
  }));
}

/** Version of the Dawn build in use. */
export function dawnVersion(): string {
  const require = createRequire(import.meta.url);
  return (require('webgpu/package.json') as { version: string }).version;
}
