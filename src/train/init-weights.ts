import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { closest } from 'fastest-levenshtein';
import { sameExpression } from '../data/labels/spaces.js';
import { isFloat } from '../interop/cast.js';
import { toFloat32, type HostTensor } from '../interop/safetensors.js';
import type { Module, StateEntry } from '../nn/index.js';
import { UserError } from '../util/errors.js';
import { loadWeights } from './checkpoint.js';
import { kindOf } from './files.js';
import type { InitReport } from './init-report.js';
import type { Origin } from './l2-sp.js';
import { RunFolder } from './run.js';

/** Weights that a network can begin from. */
export interface InitSource {
  readonly file: string;
  /** SHA-256 of the file. */
  readonly fingerprint: string;
  readonly state: ReadonlyMap<string, HostTensor>;
  /** Absent where the file does not say. */
  readonly classes?: readonly string[] | undefined;
}

/**
 * The weights at `path`: a weights file, or the best ones of a run's folder.
 * @throws UserError where there are none
 */
export async function readInit(path: string): Promise<InitSource> {
  const file = (await kindOf(path)) === 'folder' ? await bestOf(path) : path;
  const { state, info } = await loadWeights(file);
  return { file, fingerprint: await fileFingerprint(file), state, classes: info?.classes };
}

/** SHA-256 of a file's bytes, in hexadecimal digits. */
export async function fileFingerprint(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

async function bestOf(folder: string): Promise<string> {
  const run = await RunFolder.open(folder);
  if (await run.hasBest()) return run.best;
  throw new UserError(`--init ${folder}: the run has no best weights yet: no epoch was finished`);
}

/** What the entry of a file becomes in a model. */
type Fit = { readonly values: Float32Array<ArrayBuffer>; readonly how?: string } | { readonly fresh: string };

/**
 * Gives `model` what fits of `source`, by names and shapes; the rest keeps its values. The first convolution is brought from
 * three input channels to one and back; the rows of the last layer are put in the order of `classes`, and where those are
 * others than the file's, the layer stays fresh.
 *
 * @param freshHead the last layer stays fresh in any case
 * @returns what was done, and the values of the parameters that came from the file
 * @throws UserError where nothing fits
 */
export async function initialise(
  model: Module,
  source: InitSource,
  classes: readonly string[],
  freshHead = false,
): Promise<{ report: InitReport; origin: Origin }> {
  const state = await model.stateDict();
  const parameters = model.namedParameters();
  const stem = [...state].find(([, { shape }]) => shape.length === 4)?.[0];
  const head = headOf(state);
  const loaded = new Map<string, StateEntry>(state);
  const origin = new Map<string, Float32Array<ArrayBuffer>>();
  const used = new Set<string>();
  const [adapted, fresh]: Record<string, string>[] = [{}, {}];
  let matched = 0;
  let values = 0;
  for (const [name, entry] of state) {
    const given = source.state.get(name);
    const fit = given === undefined ? { fresh: 'not in the file' } : fitOf(name, given, entry.shape);
    if ('fresh' in fit) {
      fresh![name] = fit.fresh;
      continue;
    }
    used.add(name);
    if (fit.how === undefined) matched++;
    else adapted![name] = fit.how;
    if (entry.dtype === 'I64') {
      loaded.set(name, { ...entry, data: BigInt64Array.from(fit.values, BigInt) });
      continue;
    }
    values++;
    loaded.set(name, { ...entry, data: fit.values });
    if (parameters.has(name)) origin.set(name, fit.values);
  }
  if (values === 0) throw new UserError(nothingFits(source, state));
  model.loadStateDict(loaded);
  const left = [...source.state.keys()].filter(name => !used.has(name));
  const { file, fingerprint } = source;
  return { report: { file, fingerprint, matched, adapted: adapted!, fresh: fresh!, left }, origin };

  function fitOf(name: string, given: HostTensor, shape: readonly number[]): Fit {
    if (head.has(name)) {
      if (freshHead) return { fresh: 'the last layer was to begin anew' };
      const order = classOrder(source.classes, classes);
      if (order === undefined || given.shape[0] !== shape[0]) {
        const theirs = source.classes ? `${source.classes.length} (${source.classes.join(', ')})` : given.shape[0]!;
        return { fresh: `the classes are ${classes.length} (${classes.join(', ')}), the file's ${theirs}` };
      }
      if (order.some((from, to) => from !== to) && sameSizes(given.shape, shape)) {
        return { values: permuteRows(floatsOf(given), order), how: 'rows put in the order of the classes' };
      }
    }
    if (sameSizes(given.shape, shape)) return { values: floatsOf(given) };
    if (name === stem && sameButChannels(given.shape, shape)) {
      const values = floatsOf(given);
      if (given.shape[1] === 3 && shape[1] === 1) {
        return { values: sumChannels(values, shape), how: 'its three input channels summed to one' };
      }
      if (given.shape[1] === 1 && shape[1] === 3) {
        return { values: spreadChannel(values, shape), how: 'its input channel spread over three, a third each' };
      }
    }
    return { fresh: `(${given.shape.join(', ')}) in the file, (${shape.join(', ')}) in the model` };
  }
}

/** The entries of the last layer that has any: what a network ends with has a row for each class. */
function headOf(state: ReadonlyMap<string, StateEntry>): ReadonlySet<string> {
  const names = [...state.keys()];
  const prefix = names.at(-1)!.replace(/[^.]*$/, '');
  return new Set(names.filter(name => name.startsWith(prefix) && !name.slice(prefix.length).includes('.')));
}

/**
 * Where each class of the run stands among the file's, whose names may be other words for the same expression; undefined where
 * they are not the same classes. A file that does not say has the run's.
 */
function classOrder(theirs: readonly string[] | undefined, own: readonly string[]): number[] | undefined {
  if (theirs === undefined) return own.map((_, i) => i);
  if (theirs.length !== own.length) return undefined;
  const order = own.map(name => {
    const exact = theirs.indexOf(name);
    return exact >= 0 ? exact : theirs.findIndex(one => sameExpression(one, name));
  });
  return order.includes(-1) || new Set(order).size < own.length ? undefined : order;
}

function sameSizes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

function sameButChannels(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => i === 1 || size === b[i]);
}

/** A count of batches as well: it is put back as an integer. */
function floatsOf(tensor: HostTensor): Float32Array<ArrayBuffer> {
  return Float32Array.from(isFloat(tensor) ? toFloat32(tensor) : (tensor.data as ArrayLike<number | bigint>), Number);
}

/** (K,…) with row `order[k]` as row k. */
function permuteRows(values: Float32Array, order: readonly number[]): Float32Array<ArrayBuffer> {
  const size = values.length / order.length;
  const out = new Float32Array(values.length);
  order.forEach((from, to) => {
    out.set(values.subarray(from * size, (from + 1) * size), to * size);
  });
  return out;
}

/** (O,3,H,W) to (O,1,H,W): what the convolution gives for a grey image repeated to three channels. */
function sumChannels(values: Float32Array, [outputs, , height, width]: readonly number[]): Float32Array<ArrayBuffer> {
  const size = height! * width!;
  return Float32Array.from({ length: outputs! * size }, (_, i) => {
    const at = 3 * size * Math.floor(i / size) + (i % size);
    return values[at]! + values[at + size]! + values[at + 2 * size]!;
  });
}

/** (O,1,H,W) to (O,3,H,W): what the convolution gives for the mean of the channels. */
function spreadChannel(values: Float32Array, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const size = shape[2]! * shape[3]!;
  return Float32Array.from({ length: 3 * values.length }, (_, i) => {
    return values[size * Math.floor(i / (3 * size)) + (i % size)]! / 3;
  });
}

function nothingFits({ file, state }: InitSource, wanted: ReadonlyMap<string, StateEntry>): string {
  const text = (name: string, { shape }: { shape: readonly number[] }) => `${name} (${shape.join(', ')})`;
  const names = [...state.keys()];
  if (names.length === 0) return `--init ${file}: it holds no weights`;
  const examples = [...wanted].slice(0, 3).map(([name, entry]) => {
    const near = closest(name, names);
    return `  ${text(name, entry)}: the nearest in the file is ${text(near, state.get(near)!)}`;
  });
  return `--init ${file}: none of its ${names.length} entries fits the model by name and shape\n${examples.join('\n')}`;
}
