import { diagnose, type Diagnosis } from './diagnose.js';
import { DeviceLostError, formatMebibytes, OutOfGpuMemoryError } from './errors.js';
import type { MatrixShape } from './matrices.js';
import { BufferPool, type PooledBuffer, type Slice } from './pool.js';
import { Profiler, requireTimestamps, type Detail, type Launch, type Timeline } from './profiler.js';
import { parseShader, specialise, type Constants, type Shader } from './shader.js';
import { bytesMoved } from './traffic.js';

/** What a `Device` is made of. `openDevice` makes one in Node; in a browser these come from `navigator.gpu`. */
export interface DeviceOptions {
  readonly adapter: GPUAdapter;
  readonly device: GPUDevice;
  /** The text of `shaders/<name>.wgsl`. */
  readonly shaderText: (name: string) => string;
  /** How a GPU promise is waited for; Node needs its own way (src/gpu/node.ts). */
  readonly wait?: <T>(promise: Promise<T>) => Promise<T>;
  /** Objects that must live as long as the device: Dawn's instance aborts the process once it is collected. */
  readonly keepAlive?: unknown;
  /** False: take the portable kernels even where the adapter has subgroups. */
  readonly subgroups?: boolean;
  /** Choose kernels as for subgroups of so many lanes, whatever the adapter has: only where nothing is run. */
  readonly lanes?: number;
  /** Mixed precision: products and convolutions run on these matrices (src/gpu/matrices.ts) where their sizes allow. */
  readonly matrices?: MatrixShape;
}

/** One kernel launch. Bindings and parameters go by the names that the shader declares. */
export interface Dispatch {
  readonly shader: string;
  readonly entry: string;
  readonly constants?: Constants;
  readonly bindings: Readonly<Record<string, Slice>>;
  /** Values of the shader's `Params` block. Never a value that changes at every step: those go into a buffer. */
  readonly params?: Readonly<Record<string, number>>;
  readonly grid: readonly [number, number?, number?];
  /** Multiplications and additions, for the profiler; left out where bytes alone bound the kernel. */
  readonly flops?: number;
  /** Bytes read and written, for the profiler, where they are not those of all bindings (src/gpu/traffic.ts). */
  readonly bytes?: number;
}

/** What a device has done since it was opened. In a steady state only launches, submits and writes go on growing. */
export interface Counts {
  launches: number;
  /** Command buffers handed to the driver. */
  submits: number;
  /** Bind groups made: those that were not in the cache. */
  bindGroups: number;
  /** Buffers made: those that the pool did not have. */
  buffers: number;
  /** Kernels compiled. */
  kernels: number;
  /** Host bytes copied in. */
  writes: number;
  /** Reads, each of which waits for the GPU. */
  readbacks: number;
}

/**
 * Which variant of a kernel serves a class of shapes, by the names that src/kernels/tuning gives both; what is not listed
 * runs as the table of defaults says. Plain data, so that it may come from a file or with a page.
 */
export type TuningTable = ReadonlyMap<string, string>;

interface Kernel {
  readonly label: string;
  readonly layout: GPUBindGroupLayout;
  readonly names: readonly string[];
  readonly bindingIndices: readonly number[];
  readonly paramsIndex: number | undefined;
  pipeline: GPUComputePipeline | undefined;
  readonly ready: Promise<void>;
}

type Command =
  | {
      kind: 'dispatch';
      kernel: Kernel;
      group: GPUBindGroup;
      x: number;
      y: number;
      z: number;
      slices: Slice[];
      /** While launches are timed. */
      launch: Launch | undefined;
    }
  | { kind: 'write'; slice: Slice; data: Uint8Array<ArrayBuffer> }
  | { kind: 'copy'; from: Slice; to: Slice }
  | { kind: 'map'; from: Slice; to: GPUBuffer }
  | { kind: 'clear'; slice: Slice }
  | { kind: 'destroy'; buffer: PooledBuffer };

const UNIFORM = 0x40 | 0x08; // UNIFORM | COPY_DST
const MAP_READ = 0x01;
const READBACK = MAP_READ | 0x08;
const UNIFORM_BLOCK = 64 * 1024;
const UPLOAD = 0x04 | 0x08; // COPY_SRC | COPY_DST
/** How drivers and Dawn say that there is no memory. */
const LACK = /out[ _]of[ _](\w+[ _])?memory/i;
/** Bytes of small writes that one command buffer can hold. */
const UPLOAD_BLOCK = 64 * 1024;
/** More distinct parameter blocks than any network needs: a value that changes at every step got in among them. */
const MOST_UNIFORMS = 65_536;

/**
 * The only door to WebGPU: buffers, kernels and one command stream.
 *
 * Commands are recorded in order and encoded at `submit`, once all their pipelines are compiled; compilation runs in the
 * driver's threads from the moment a kernel is first named. Everything recorded after a release of a buffer runs after
 * everything recorded before it, so buffers are reused at once. Faults of the GPU are stored and thrown at the next
 * `read`, `settle` or `submit`.
 */
export class Device {
  /** Where buffers come from and go back to. */
  readonly pool: BufferPool;
  /** What the GPU allows at most, by WebGPU's names. */
  readonly limits: GPUSupportedLimits;
  /** WebGPU's features that are switched on. */
  readonly features: ReadonlySet<string>;
  /** Vendor, architecture and description of the adapter. */
  readonly info: GPUAdapterInfo;
  /** Lanes of a subgroup where kernels may count on subgroups, else 0. */
  readonly subgroupSize: number;
  /** The subgroup matrices that kernels use under mixed precision; undefined: everything is computed in f32. */
  readonly matrices: MatrixShape | undefined;

  readonly #gpu: GPUDevice;
  readonly #shaderText: (name: string) => string;
  readonly #wait: <T>(promise: Promise<T>) => Promise<T>;
  readonly #shaders = new Map<string, Shader>();
  readonly #kernels = new Map<string, Kernel>();
  readonly #bindGroups = new Map<string, { group: GPUBindGroup; slices: readonly Slice[] }>();
  /** Keys of the bind groups that a buffer is in. */
  readonly #groupsOfBuffer = new Map<number, Set<string>>();
  readonly #uniforms = new Map<string, { buffer: GPUBuffer; offset: number; size: number; id: number }>();
  #uniformBlock: GPUBuffer | undefined;
  #uniformOffset = UNIFORM_BLOCK;
  #upload: GPUBuffer | undefined;
  readonly #staging = new Map<number, GPUBuffer[]>();
  #commands: Command[] = [];
  readonly #batches: Command[][] = [];
  #compiling: Promise<void> | undefined;
  #inFlight: Promise<unknown>[] = [];
  #fault: Error | undefined;
  #destroyed = false;
  #profiler: Profiler | undefined;
  #rehearsing = false;
  #rehearsed: Dispatch[] | undefined;
  #standIn: { readonly shader: string; readonly by: string } | undefined;
  /** Choices of kernels; set it before the first step, since another choice may round differently. */
  tuning: TuningTable = new Map();
  readonly #counts = { launches: 0, submits: 0, bindGroups: 0, writes: 0, readbacks: 0 };
  /** What the device's maker wanted to live as long as it. */
  readonly keepAlive: unknown;
  /** 256 bytes of zeros, bound where an optional operand is absent. */
  readonly zeros: Slice;

  constructor(options: DeviceOptions) {
    const { adapter, device } = options;
    this.#gpu = device;
    this.keepAlive = options.keepAlive;
    this.#shaderText = options.shaderText;
    this.#wait = options.wait ?? (promise => promise);
    this.limits = device.limits;
    this.features = device.features;
    this.info = adapter.info;
    const wanted = (options.subgroups ?? true) && device.features.has('subgroups');
    this.subgroupSize = options.lanes ?? (wanted ? (this.info.subgroupMinSize ?? 0) : 0);
    this.matrices = options.matrices;
    this.pool = new BufferPool(
      device,
      buffer => {
        this.#commands.push({ kind: 'destroy', buffer });
      },
      lack => {
        this.#fault ??= lack;
      },
    );
    this.zeros = this.pool.acquire(256);
    device.addEventListener('uncapturederror', event => {
      // Dawn would print it on standard output otherwise, which belongs to a command's results.
      event.preventDefault();
      void this.#report(event.error);
    });
    void device.lost.then(({ reason, message }) => {
      if (this.#destroyed) return;
      const cause = new DeviceLostError(`the GPU device was lost (${reason}): ${message}`);
      // Where a driver has no memory for its own work it gives the device up.
      this.#fault ??= LACK.test(message) ? this.#lack(cause) : cause;
    });
  }

  /** Distinct kernels compiled so far. */
  get kernelCount(): number {
    return this.#kernels.size;
  }

  /** What was done so far. */
  get counts(): Readonly<Counts> {
    return { ...this.#counts, buffers: this.pool.created, kernels: this.kernelCount };
  }

  /** Bind groups that are kept for launches to come. */
  get bindGroupCount(): number {
    return this.#bindGroups.size;
  }

  /** Records a kernel launch. A wrong name of a binding, parameter or constant throws at once. */
  dispatch(call: Dispatch): void {
    if (this.#rehearsing) {
      this.#rehearsed?.push(call);
      return;
    }
    this.#alive();
    if (call.shader === this.#standIn?.shader) call = { ...call, shader: this.#standIn.by };
    const kernel = this.#kernel(call);
    const slices: Slice[] = [];
    let key = kernel.label;
    for (const name of kernel.names) {
      const slice = call.bindings[name]!;
      slices.push(slice);
      key += `|${slice.buffer.id}:${slice.offset}:${slice.bytes}`;
    }
    const uniform = call.params ? this.#uniform(this.#shader(call.shader), call.params) : undefined;
    if (uniform) key += `|${uniform.id}`;
    const group = this.#bindGroups.get(key)?.group ?? this.#bindGroup(key, kernel, slices, uniform);
    const [x, y = 1, z = 1] = call.grid;
    const most = this.limits.maxComputeWorkgroupsPerDimension;
    if (x > most || y > most || z > most) {
      throw new Error(
        `${kernel.label}: a grid of ${x} x ${y} x ${z} workgroups exceeds the adapter's ${most} a dimension`,
      );
    }
    if (x === 0 || y === 0 || z === 0) return;
    const launch = this.#profiler?.detail === 'launches' ? this.#describe(call, kernel.label) : undefined;
    this.#commands.push({ kind: 'dispatch', kernel, group, x, y, z, slices, launch });
    this.#counts.launches++;
  }

  /** Records a copy of host bytes into a slice; `data` is copied now. */
  write(slice: Slice, data: ArrayBufferView): void {
    if (this.#rehearsing) return;
    this.#alive();
    this.#requireOwn(slice);
    const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    padded.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    if (padded.byteLength > slice.bytes) {
      throw new Error(`write of ${padded.byteLength} bytes into a slice of ${slice.bytes}`);
    }
    this.#commands.push({ kind: 'write', slice, data: padded });
    this.#counts.writes++;
  }

  /** Records a copy of `from` into the beginning of `to`. */
  copy(from: Slice, to: Slice): void {
    if (this.#rehearsing) return;
    this.#alive();
    this.#requireOwn(from);
    this.#requireOwn(to);
    if (from.bytes > to.bytes) throw new Error(`copy of ${from.bytes} bytes into a slice of ${to.bytes}`);
    this.#commands.push({ kind: 'copy', from, to });
  }

  /** Records zeros into a slice. */
  clear(slice: Slice): void {
    if (this.#rehearsing) return;
    this.#alive();
    this.#requireOwn(slice);
    this.#commands.push({ kind: 'clear', slice });
  }

  /** Hands what is recorded to the GPU as one batch, in order; returns before it has run. */
  submit(): void {
    this.#alive();
    this.pool.reorder();
    if (this.#commands.length === 0) return;
    this.#batches.push(this.#commands);
    this.#commands = [];
    if (!this.#compiling) this.#pump();
  }

  /** Submits, and waits until at most `inFlight` submitted batches are unfinished: the host must not run ahead for ever. */
  async settle(inFlight = 0): Promise<void> {
    this.submit();
    await this.#drained();
    while (this.#inFlight.length > inFlight) await this.#waitFor(this.#inFlight.shift()!);
    this.#alive();
  }

  /** Reads a slice back: submits, waits and copies. */
  async read(slice: Slice): Promise<ArrayBuffer> {
    this.#alive();
    this.#requireOwn(slice);
    const staging =
      this.#staging.get(slice.bytes)?.pop() ??
      this.#gpu.createBuffer({ label: 'readback', size: slice.bytes, usage: READBACK });
    this.#commands.push({ kind: 'map', from: slice, to: staging });
    this.#counts.readbacks++;
    this.submit();
    await this.#drained();
    try {
      await this.#waitFor(staging.mapAsync(MAP_READ));
    } catch (error) {
      // Dawn's own error says nothing where the device is gone.
      this.#alive();
      throw error;
    }
    this.check();
    const data = staging.getMappedRange().slice(0);
    staging.unmap();
    const spare = this.#staging.get(slice.bytes);
    if (!spare) this.#staging.set(slice.bytes, [staging]);
    else if (spare.length < 4) spare.push(staging);
    else staging.destroy();
    return data;
  }

  /** Whether `rehearse` is at work: what is kept for later must not be made now. */
  get isRehearsing(): boolean {
    return this.#rehearsing;
  }

  /**
   * Runs `fn` without its kernels: nothing is launched, compiled, copied or allocated on the GPU, and tensors hold no
   * values. It can be done even after a fault.
   */
  rehearse<T>(fn: () => T): T {
    this.#rehearsing = true;
    try {
      return fn();
    } finally {
      this.#rehearsing = false;
    }
  }

  /**
   * Bytes of buffers that `fn` would take beside those that are live, none of which it takes; free ones are given back first.
   * @throws OutOfGpuMemoryError where one of them is larger than the adapter allows
   */
  bytesTakenBy(fn: () => void): number {
    this.pool.trim();
    const before = this.pool.createdBytes;
    try {
      this.rehearse(fn);
      return this.pool.createdBytes - before;
    } finally {
      this.pool.trim();
    }
  }

  /** Bytes that this device can have, as far as is known once it `lack`ed some; works after that fault, too. */
  async bytesToHave({ wanted, held }: { readonly wanted: number; readonly held: number }): Promise<number> {
    return Math.max(held, this.pool.drawnBytes + (await this.#wait(this.pool.spareBytes(wanted))));
  }

  /** The launches that `fn` would make, none of which is made. */
  launchesOf(fn: () => void): Dispatch[] {
    const launches: Dispatch[] = [];
    this.#rehearsed = launches;
    try {
      this.rehearse(fn);
      return launches;
    } finally {
      this.#rehearsed = undefined;
    }
  }

  /** Runs `fn` with the launches of one shader file going to another that declares the same names. */
  withStandIn<T>(shader: string, by: string, fn: () => T): T {
    this.#standIn = { shader, by };
    try {
      return fn();
    } finally {
      this.#standIn = undefined;
    }
  }

  /** What WebGPU has to say against a WGSL text and the entry points in it; nothing where it compiles. */
  diagnose(code: string, entryPoints: Iterable<string>): Promise<Diagnosis[]> {
    this.#alive();
    return diagnose(this.#gpu, code, entryPoints, this.#wait);
  }

  /** Throws the first stored fault of the GPU, if there is one. */
  check(): void {
    if (this.#fault) throw this.#fault;
  }

  /**
   * Times what the GPU does while `fn` runs, and what the host does beside it; `fn` marks its own work with the profiler.
   * @throws UserError when the adapter has no timestamp queries
   */
  async profile(fn: (profiler: Profiler) => Promise<void>, detail: Detail = 'launches'): Promise<Timeline> {
    requireTimestamps(this.features, this.info.description || this.info.device);
    if (this.#profiler) throw new Error('the device is being profiled already');
    await this.settle();
    const profiler = new Profiler(this.#gpu, detail);
    this.#profiler = profiler;
    try {
      await fn(profiler);
      await this.settle();
      return await this.#wait(profiler.collect());
    } finally {
      this.#profiler = undefined;
      profiler.dispose();
    }
  }

  /** Ends all use of the GPU. Safe to call twice. */
  destroy(): void {
    this.#destroyed = true;
    this.#gpu.destroy();
  }

  /** Stores a fault that the GPU reported, unless it comes of a lack of memory that is about to be told. */
  async #report(error: GPUError): Promise<void> {
    if (this.pool.answered) await this.pool.answered;
    this.#fault ??= LACK.test(error.message) ? this.#lack(error) : new Error(`the GPU reported: ${error.message}`);
  }

  /** Of a lack of memory for something else than a tensor. */
  #lack(cause: Error | GPUError): OutOfGpuMemoryError {
    const held = this.pool.drawnBytes;
    const text = `out of GPU memory: ${formatMebibytes(held)} are in use`;
    return new OutOfGpuMemoryError(text, { wanted: 0, held }, { cause });
  }

  #alive(): void {
    if (this.#destroyed) throw new Error('the device was destroyed');
    this.check();
  }

  #requireOwn(slice: Slice): void {
    if (slice.buffer.pool !== this.pool) {
      throw new Error('memory of another device was given: tensors meet only on the device that they were made on');
    }
  }

  #bindGroup(
    key: string,
    kernel: Kernel,
    slices: readonly Slice[],
    uniform: { buffer: GPUBuffer; offset: number; size: number } | undefined,
  ): GPUBindGroup {
    for (const slice of slices) this.#requireOwn(slice);
    const entries: GPUBindGroupEntry[] = slices.map((slice, i) => ({
      binding: kernel.bindingIndices[i]!,
      resource: { buffer: slice.buffer.gpu, offset: slice.offset, size: slice.bytes },
    }));
    if (uniform) {
      const { buffer, offset, size } = uniform;
      entries.push({ binding: kernel.paramsIndex!, resource: { buffer, offset, size } });
    }
    const group = this.#gpu.createBindGroup({ label: kernel.label, layout: kernel.layout, entries });
    this.#counts.bindGroups++;
    this.#bindGroups.set(key, { group, slices });
    for (const { buffer } of slices) {
      const keys = this.#groupsOfBuffer.get(buffer.id);
      if (keys) keys.add(key);
      else this.#groupsOfBuffer.set(buffer.id, new Set([key]));
    }
    return group;
  }

  /** Forgets the bind groups that a buffer is in. */
  #forget(buffer: PooledBuffer): void {
    for (const key of this.#groupsOfBuffer.get(buffer.id) ?? []) {
      for (const { buffer: other } of this.#bindGroups.get(key)!.slices) {
        if (other !== buffer) this.#groupsOfBuffer.get(other.id)?.delete(key);
      }
      this.#bindGroups.delete(key);
    }
    this.#groupsOfBuffer.delete(buffer.id);
  }

  #describe(call: Dispatch, variant: string): Launch {
    const { shader, entry, bindings, params = {}, flops, bytes } = call;
    return {
      name: `${shader}/${entry}`,
      variant,
      params,
      flops,
      bytes: bytes ?? bytesMoved(this.#shader(shader), entry, bindings, this.zeros),
    };
  }

  #shader(name: string): Shader {
    let shader = this.#shaders.get(name);
    if (!shader) {
      shader = parseShader(name, this.#shaderText(name));
      this.#shaders.set(name, shader);
    }
    return shader;
  }

  #kernel(call: Omit<Dispatch, 'grid'>): Kernel {
    let key = `${call.shader}/${call.entry}`;
    if (call.constants) for (const name in call.constants) key += ` ${name}=${call.constants[name]!}`;
    let kernel = this.#kernels.get(key);
    if (!kernel) {
      kernel = this.#compile(key, call);
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }

  #compile(label: string, call: Omit<Dispatch, 'grid'>): Kernel {
    const shader = this.#shader(call.shader);
    if (!shader.entryPoints.has(call.entry)) throw new Error(`${shader.name}.wgsl has no entry point ${call.entry}`);
    const names = Object.keys(call.bindings);
    const entries: GPUBindGroupLayoutEntry[] = [];
    for (const name of names) {
      const binding = shader.bindings.get(name);
      if (!binding || binding.access === 'uniform')
        throw new Error(`${shader.name}.wgsl has no storage binding ${name}`);
      const type = binding.access === 'read' ? 'read-only-storage' : 'storage';
      entries.push({ binding: binding.index, visibility: 4, buffer: { type } }); // 4: COMPUTE
    }
    const block = [...shader.bindings.values()].find(binding => binding.access === 'uniform');
    if (block) entries.push({ binding: block.index, visibility: 4, buffer: { type: 'uniform' } });
    const layout = this.#gpu.createBindGroupLayout({ label, entries });
    const kernel: Kernel = {
      label,
      layout,
      names,
      bindingIndices: names.map(name => shader.bindings.get(name)!.index),
      paramsIndex: block?.index,
      pipeline: undefined,
      ready: this.#gpu
        .createComputePipelineAsync({
          label,
          layout: this.#gpu.createPipelineLayout({ label, bindGroupLayouts: [layout] }),
          compute: {
            module: this.#gpu.createShaderModule({ label, code: specialise(shader, call.constants ?? {}) }),
            entryPoint: call.entry,
          },
        })
        .then(
          pipeline => {
            kernel.pipeline = pipeline;
          },
          (error: unknown) => {
            this.#fault ??= new Error(`kernel ${label} does not compile: ${String(error)}`);
          },
        ),
    };
    return kernel;
  }

  #uniform(shader: Shader, params: Readonly<Record<string, number>>) {
    let key = shader.name;
    for (const { name } of shader.params) key += `,${params[name] ?? NaN}`;
    let uniform = this.#uniforms.get(key);
    if (uniform) return uniform;
    const given = Object.keys(params);
    const missing = shader.params.filter(({ name }) => !(name in params)).map(({ name }) => name);
    if (missing.length > 0 || given.length !== shader.params.length) {
      const wanted = shader.params.map(({ name }) => name).join(', ');
      throw new Error(`${shader.name}.wgsl takes the parameters ${wanted}; given: ${given.join(', ')}`);
    }
    if (this.#uniforms.size >= MOST_UNIFORMS) {
      throw new Error(`${shader.name}.wgsl: too many distinct parameter blocks; values of a step belong into a buffer`);
    }
    const size = Math.ceil((shader.params.length * 4) / 16) * 16;
    const view = new DataView(new ArrayBuffer(size));
    shader.params.forEach(({ name, type }, i) => {
      const value = params[name]!;
      if (type === 'u32') view.setUint32(i * 4, value, true);
      else if (type === 'i32') view.setInt32(i * 4, value, true);
      else view.setFloat32(i * 4, value, true);
    });
    if (this.#uniformOffset + size > UNIFORM_BLOCK) {
      this.#uniformBlock = this.#gpu.createBuffer({ label: 'params', size: UNIFORM_BLOCK, usage: UNIFORM });
      this.#uniformOffset = 0;
    }
    // A slot is written once, before the first command that reads it is submitted, and never again.
    uniform = { buffer: this.#uniformBlock!, offset: this.#uniformOffset, size, id: this.#uniforms.size };
    this.#gpu.queue.writeBuffer(uniform.buffer, uniform.offset, view.buffer);
    this.#uniformOffset += Math.ceil(size / 256) * 256;
    this.#uniforms.set(key, uniform);
    return uniform;
  }

  /** Waits until every submitted batch has been encoded, and the driver has said that it has memory for what they use. */
  async #drained(): Promise<void> {
    while (this.#compiling) await this.#waitFor(this.#compiling);
    for (let { answered } = this.pool; answered; { answered } = this.pool) await this.#waitFor(answered);
    this.#alive();
  }

  async #waitFor<T>(promise: Promise<T>): Promise<T> {
    const end = this.#profiler?.begin('wait');
    try {
      return await this.#wait(promise);
    } finally {
      end?.();
    }
  }

  /** Encodes the waiting batches in order, as far as their pipelines are compiled; goes on by itself when more are. */
  #pump(): void {
    for (let batch = this.#batches[0]; batch; batch = this.#batches[0]) {
      const compiling = new Set<Promise<void>>();
      for (const command of batch) {
        if (command.kind === 'dispatch' && !command.kernel.pipeline) compiling.add(command.kernel.ready);
      }
      // After a fault (a kernel that does not compile, a lost device) nothing more is run; the next sync throws it.
      if (this.#fault || this.#destroyed) {
        this.#batches.length = 0;
      } else if (compiling.size > 0) {
        this.#compiling = Promise.all(compiling).then(() => {
          this.#compiling = undefined;
          this.#pump();
        });
        return;
      } else {
        this.#batches.shift();
        try {
          const end = this.#profiler?.begin('encode');
          this.#encode(batch);
          end?.();
        } catch (error) {
          this.#fault ??= error instanceof Error ? error : new Error(String(error));
        }
      }
    }
  }

  #encode(batch: readonly Command[]): void {
    const queue = this.#gpu.queue;
    const profiler = this.#profiler;
    let encoder: GPUCommandEncoder | undefined;
    let pass: GPUComputePassEncoder | undefined;
    // Buffers that the open encoder uses: a queue write to one of them would overtake those commands.
    const used = new Set<number>();
    // Small writes among commands go by way of this buffer, whose bytes lie there when the commands begin.
    let uploaded = 0;
    const doomed: PooledBuffer[] = [];
    const open = (): GPUCommandEncoder => {
      if (encoder) return encoder;
      encoder = this.#gpu.createCommandEncoder();
      profiler?.open(encoder);
      return encoder;
    };
    const endPass = () => {
      pass?.end();
      pass = undefined;
    };
    const finish = () => {
      endPass();
      if (encoder) {
        profiler?.close(encoder);
        const commands = encoder.finish();
        const end = profiler?.begin('submit');
        queue.submit([commands]);
        end?.();
        this.#counts.submits++;
      }
      encoder = undefined;
      uploaded = 0;
      used.clear();
    };
    /** A command that stands outside passes. */
    const alone = (name: string, bytes: number, command: (encoder: GPUCommandEncoder) => void) => {
      endPass();
      const encoder = open();
      if (profiler?.detail === 'launches') {
        const launch = { name, variant: name, params: { bytes }, flops: undefined, bytes };
        profiler.around(encoder, launch, () => {
          command(encoder);
        });
      } else {
        command(encoder);
      }
    };
    for (const command of batch) {
      switch (command.kind) {
        case 'dispatch': {
          if (profiler && command.launch) {
            endPass();
            pass = open().beginComputePass(profiler.pass(command.launch));
          }
          pass ??= open().beginComputePass();
          pass.setPipeline(command.kernel.pipeline!);
          pass.setBindGroup(0, command.group);
          pass.dispatchWorkgroups(command.x, command.y, command.z);
          for (const { buffer } of command.slices) used.add(buffer.id);
          break;
        }
        case 'write': {
          const { slice, data } = command;
          const { gpu } = slice.buffer;
          if (used.has(slice.buffer.id) && uploaded + data.byteLength <= UPLOAD_BLOCK) {
            const upload = (this.#upload ??= this.#gpu.createBuffer({
              ...{ label: 'upload', size: UPLOAD_BLOCK, usage: UPLOAD },
            }));
            const start = uploaded;
            uploaded += data.byteLength;
            queue.writeBuffer(upload, start, data);
            alone('writeBuffer', data.byteLength, encoder => {
              encoder.copyBufferToBuffer(upload, start, gpu, slice.offset, data.byteLength);
            });
          } else {
            if (used.has(slice.buffer.id)) finish();
            queue.writeBuffer(gpu, slice.offset, data);
          }
          break;
        }
        case 'copy': {
          const { from, to } = command;
          alone('copyBufferToBuffer', 2 * from.bytes, encoder => {
            encoder.copyBufferToBuffer(from.buffer.gpu, from.offset, to.buffer.gpu, to.offset, from.bytes);
          });
          used.add(from.buffer.id).add(to.buffer.id);
          break;
        }
        case 'map': {
          const { from, to } = command;
          alone('copyBufferToBuffer', 2 * from.bytes, encoder => {
            encoder.copyBufferToBuffer(from.buffer.gpu, from.offset, to, 0, from.bytes);
          });
          used.add(from.buffer.id);
          break;
        }
        case 'clear': {
          const { buffer, offset, bytes } = command.slice;
          alone('clearBuffer', bytes, encoder => {
            encoder.clearBuffer(buffer.gpu, offset, bytes);
          });
          used.add(buffer.id);
          break;
        }
        case 'destroy':
          doomed.push(command.buffer);
          break;
      }
    }
    finish();
    for (const buffer of doomed) {
      this.#forget(buffer);
      buffer.destroy();
    }
    const done = queue.onSubmittedWorkDone();
    // A browser rejects it where the device is lost, which is told elsewhere, and nobody may be waiting for this one.
    done.catch(() => undefined);
    this.#inFlight.push(done);
    if (this.#inFlight.length > 64) this.#inFlight = this.#inFlight.slice(-64);
  }
}
