/** Where torture happens: a folder with small data, runs that nothing befell, and what all cases ask about a run. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPlace } from '../../src/train/checkpoint.js';
import { isTemporaryName } from '../../src/train/files.js';
import { comparePlaces, describePlace, type Place } from '../../src/train/position.js';
import { RunFolder } from '../../src/train/run.js';
import { readTensorFile } from '../../src/train/tensor-file.js';
import { RandomStream } from '../../src/util/random.js';
import { jsonLines, start, type Outcome, type Running } from '../cli/facegrad.js';
import { Broken, require } from './torture.js';

/** What is trained, in words of the command line; small, so that a sitting is mostly steps and saving. */
export interface Plan {
  readonly name: string;
  readonly options: readonly string[];
  readonly epochs: number;
  readonly saveEverySteps: number;
}

const common = ['--input-size', '16', '--batch-size', '8', '--no-autotune', '--save-every-epochs', '2', '--keep', '2'];

/** Between them they have all that a checkpoint has to bring back. */
export const plans: readonly Plan[] = [
  {
    name: 'batch normalisation, dropout, momentum, augmentation',
    options: [
      ...['improved-mlp', '--seed', '7', '--optimizer', 'sgd', '--nesterov', '--lr', '0.01', '--augment', 'system-a'],
      ...['--scheduler', 'plateau:factor=0.5,patience=1', ...common],
    ],
    ...{ epochs: 6, saveEverySteps: 4 },
  },
  {
    name: 'Adam, a moving average, a schedule of steps',
    options: [
      ...['simple-mlp', '--seed', '8', '--optimizer', 'adam', '--ema', '0.9', '--ema-warmup'],
      ...['--scheduler', 'cosine:per=step', '--warmup', '1', ...common],
    ],
    ...{ epochs: 12, saveEverySteps: 7 },
  },
  {
    name: 'convolution, accumulated gradients, weighted sampling',
    options: [
      ...['ferplus-cnn-small', '--seed', '9', '--optimizer', 'rmsprop', '--lr', '0.0005', '--accumulate', '2'],
      ...['--sampler', 'weighted', '--clip-norm', '1', '--label-smoothing', '0.1', ...common],
    ],
    ...{ epochs: 6, saveEverySteps: 2 },
  },
];

/** What must not depend on what befell a run: every tensor, all metrics but times, and the results. */
export interface Results {
  readonly tensors: Readonly<Record<string, string>>;
  readonly metrics: readonly object[];
  readonly summary: object;
}

/** What preloaded modules of test/torture/faults do to a process. */
export type Fault = 'clock' | 'device' | 'disk' | 'memory';

/** How a process is started. */
export interface StartOptions {
  readonly fault?: Fault;
  readonly env?: NodeJS.ProcessEnv;
  /** A command that it is run by, such as `setpriv`, with its options. */
  readonly under?: readonly string[];
}

export class Stand {
  readonly #whole = new Map<string, Promise<string>>();
  readonly #withStates = new Map<string, Promise<string>>();
  readonly #results = new Map<string, Promise<Results>>();

  private constructor(
    /** All that torture writes lies in here. */
    readonly folder: string,
    /** A data set of noise with a hint of each class. */
    readonly data: string,
  ) {}

  static async create(): Promise<Stand> {
    const folder = await mkdtemp(join(tmpdir(), 'facegrad-torture-'));
    const data = join(folder, 'noise.csv');
    await writeFile(data, noise());
    return new Stand(folder, data);
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }

  /** An empty folder below `folder`, which is removed first where it is there. */
  async emptyFolder(...names: string[]): Promise<string> {
    const path = join(this.folder, ...names);
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true });
    return path;
  }

  async removeFolder(...names: string[]): Promise<void> {
    await rm(join(this.folder, ...names), { recursive: true, force: true });
  }

  /** The command that begins a run. */
  training({ options, epochs, saveEverySteps }: Plan, out: string): string[] {
    const own = ['--data', this.data, '--epochs', String(epochs), '--save-every-steps', String(saveEverySteps)];
    return ['train', ...options, ...own, '--out', out, '--json'];
  }

  start(args: readonly string[], { fault, env, under = [] }: StartOptions = {}): Running {
    return start(args, { env: this.#env(fault, env), under });
  }

  facegrad(args: readonly string[], options: StartOptions = {}): Promise<Outcome> {
    return this.start(args, options).ended;
  }

  /** A run by this plan that nothing befalls, made once. */
  whole(plan: Plan): Promise<string> {
    return once(this.#whole, plan.name, async () => {
      const path = join(this.folder, 'whole', String(plans.indexOf(plan)));
      const { code, stderr } = await this.facegrad(this.training(plan, path));
      if (code !== 0) throw new Error(`an undisturbed run ended with ${String(code)}:\n${stderr}`);
      return path;
    });
  }

  /** Likewise, with each state that it saves on its way still in its folder. */
  wholeWithStates(plan: Plan): Promise<string> {
    return once(this.#withStates, plan.name, async () => {
      const path = join(this.folder, 'states', String(plans.indexOf(plan)));
      const all = ['--save-every-epochs', '1', '--keep', '1000'];
      const { code, stderr } = await this.facegrad([...this.training(plan, path), ...all]);
      if (code !== 0) throw new Error(`an undisturbed run ended with ${String(code)}:\n${stderr}`);
      return path;
    });
  }

  /** Goes on with a run to its end. */
  async finish(plan: Plan, path: string): Promise<void> {
    const { code, stderr } = await this.facegrad(await this.goingOn(plan, path));
    require(code === 0, 'lost', () => `the run could not be gone on with: it ended with ${String(code)}:\n${stderr}`);
  }

  /** The command that goes on with a run, or begins it where it had not begun. */
  async goingOn(plan: Plan, path: string): Promise<string[]> {
    return (await hasBegun(path)) ? ['train', '--resume', path, '--json'] : this.training(plan, path);
  }

  /** @throws Broken where a finished run is not, to the last bit and file, what it would be had nothing befallen it */
  async requireLikeWhole(plan: Plan, path: string): Promise<void> {
    const whole = await this.whole(plan);
    const expected = await once(this.#results, plan.name, () => resultsOf(whole));
    const found = await resultsOf(path);
    const differing = differences(expected, found);
    require(differing.length === 0, 'different', () => `results differ in ${differing.join(', ')}`);
    await requireTidy(path);
    const [here, there] = await Promise.all([path, whole].map(filesOf));
    const isEvents = (name: string) => name.startsWith('events.');
    const names = (files: string[]) => files.filter(name => !isEvents(name)).join(', ');
    require(names(here!) === names(there!), 'untidy', () =>
      `the run has the files ${names(here!)}, not ${names(there!)}`);
  }

  #env(fault: Fault | undefined, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const preload = fault && `--import ${fileURLToPath(new URL(`faults/${fault}.mjs`, import.meta.url))}`;
    return {
      FACEGRAD_CACHE: join(this.folder, 'cache'),
      ...(preload === undefined ? {} : { NODE_OPTIONS: preload }),
      ...env,
    };
  }
}

/** What is told of a finished run. */
export async function resultsOf(path: string): Promise<Results> {
  const run = await RunFolder.open(path);
  const tensors: Record<string, string> = {};
  for (const file of [run.best, run.last]) {
    for (const [name, { data }] of (await readTensorFile(file)).tensors) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      tensors[`${relative(path, file)} ${name}`] = createHash('sha256').update(bytes).digest('hex');
    }
  }
  const metrics = (await run.readMetrics()).map(row => ({ ...row, seconds: 0, imagesPerSecond: 0 }));
  const summary = await run.readSummary();
  require(summary !== undefined, 'lost', () => `${path} has no summary`);
  const { bestEpoch, bestValAccuracy, testAccuracy, testLoss, epochs } = summary;
  return { tensors, metrics, summary: { bestEpoch, bestValAccuracy, testAccuracy, testLoss, epochs } };
}

function differences(a: Results, b: Results): string[] {
  const names = [...new Set([...Object.keys(a.tensors), ...Object.keys(b.tensors)])];
  const different = (x: object, y: object) => JSON.stringify(x) !== JSON.stringify(y);
  return [
    ...names.filter(name => a.tensors[name] !== b.tensors[name]),
    ...(different(a.metrics, b.metrics) ? ['metrics.csv'] : []),
    ...(different(a.summary, b.summary) ? ['summary.json'] : []),
  ];
}

/** @throws Broken where temporary files or locks lie about */
export async function requireTidy(path: string): Promise<void> {
  const left = (await filesOf(path)).filter(name => isLeftover(name));
  require(left.length === 0, 'untidy', () => `${left.join(', ')} lie about`);
}

function isLeftover(name: string): boolean {
  const base = name.split('/').at(-1)!;
  return isTemporaryName(base) || base.startsWith('.lock');
}

/** All files below a folder, by their paths in it, in order. */
export async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter(entry => entry.isFile())
    .map(entry => relative(path, join(entry.parentPath, entry.name)))
    .sort();
}

export async function hasBegun(path: string): Promise<boolean> {
  return RunFolder.open(path).then(
    () => true,
    () => false,
  );
}

/** Files below a folder with digests of what they hold, but for a lock's. */
export async function contentsOf(path: string): Promise<string> {
  return [...(await digestsOf(path))].map(([name, digest]) => `${name} ${digest}`).join('\n');
}

/** Likewise, by their paths in it. */
export async function digestsOf(path: string): Promise<Map<string, string>> {
  const names = (await filesOf(path)).filter(name => !name.includes('.lock'));
  const digests = names.map(async (name): Promise<[string, string]> => {
    const hash = createHash('sha256').update(await readFile(join(path, name)));
    return [name, hash.digest('hex')];
  });
  return new Map(await Promise.all(digests));
}

/** What stands in a run's folder while no process trains in it. */
export interface Found {
  /** The newest state that was saved; undefined where there is none. */
  readonly newest: Place | undefined;
  /** Temporary files: the run was stopped while it wrote. */
  readonly temporary: number;
}

/**
 * Looks through what a run left when it was stopped: every file under its own name must be whole.
 * @throws Broken where one is not
 */
export async function lookThrough(path: string): Promise<Found> {
  const names = await filesOf(path);
  let newest: Place | undefined;
  for (const name of names.filter(name => name.endsWith('.safetensors'))) {
    const file = join(path, name);
    try {
      await readTensorFile(file);
    } catch (error) {
      throw new Broken('lost', `${name} is not whole: ${(error as Error).message}`);
    }
    if (name === 'best.safetensors') continue;
    const place = await readPlace(file);
    if (newest === undefined || comparePlaces(place, newest) > 0) newest = place;
  }
  if (names.includes('config.json')) {
    const run = await RunFolder.open(path);
    await run.readMetrics();
    await run.readSummary();
  }
  return { newest, temporary: names.filter(name => isTemporaryName(name.split('/').at(-1)!)).length };
}

/** Events of a run's JSON lines, the last of which a kill may have cut off. */
export function eventsOf(stdout: string): Record<string, unknown>[] {
  return jsonLines(stdout.slice(0, stdout.lastIndexOf('\n') + 1) || '{}');
}

/**
 * That a sitting took up where `newest` stands.
 * @throws Broken
 */
export function requireTakenUp(stdout: string, newest: Place | undefined): void {
  const begun = eventsOf(stdout).find(({ event }) => event === 'start');
  if (begun === undefined) return;
  const place = { epochs: (begun.resumedFrom ?? 0) as number, step: (begun.resumedStep ?? 0) as number };
  const expected = newest ?? { epochs: 0, step: 0 };
  require(comparePlaces(place, { epochs: expected.epochs, step: expected.step }) === 0, 'lost', () => {
    return `the run went on ${describePlace(place)}, where it had saved its state ${describePlace(expected)}`;
  });
}

/** FER-2013's layout, 160 images of noise whose mean tells their class: 120 for training, 20 and 20 to try. */
function noise(): string {
  const random = new RandomStream(1, 0);
  const lines = ['emotion,pixels,Usage'];
  for (let i = 0; i < 160; i++) {
    const pixels = Array.from({ length: 48 * 48 }, () => random.integer(128) + 16 * (i % 7));
    const usage = i < 120 ? 'Training' : i < 140 ? 'PublicTest' : 'PrivateTest';
    lines.push(`${i % 7},${pixels.join(' ')},${usage}`);
  }
  return `${lines.join('\n')}\n`;
}

function once<T>(made: Map<string, Promise<T>>, name: string, make: () => Promise<T>): Promise<T> {
  let value = made.get(name);
  if (!value) made.set(name, (value = make()));
  return value;
}
