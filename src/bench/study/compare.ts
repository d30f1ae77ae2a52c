import { readFile } from 'node:fs/promises';
import { openDevice, shaderText, type OpenOptions } from '../../gpu/node.js';
import { parseShader, type Shader } from '../../gpu/shader.js';
import { setDefaultDevice } from '../../tensor/index.js';
import { adapterName } from '../../train/trainer.js';
import { UserError } from '../../util/errors.js';
import { checkKernel, WrongResult, type Results } from '../check.js';
import type { Device } from '../../gpu/device.js';
import type { Prepared } from '../contestants/contestant.js';
import { jobOf, prepareKernel } from '../contestants/facegrad/kernels.js';
import type { KernelWork } from '../work.js';
import { readDirectives } from './directives.js';
import { operandsOf } from './operands.js';
import { prepareOwn } from './own.js';
import { race, type Race } from './race.js';
import { findStandIn } from './stand_in.js';
import { diagnosisLines } from './validate.js';

/** The name that a reader's shader goes by on the device; no file of ours can be called so. */
const OWN = 'reader/own';

export interface CompareOptions extends OpenOptions {
  readonly file: string;
  readonly work: KernelWork;
  /** Seconds of timing. 0: only check. */
  readonly seconds: number;
  readonly signal?: AbortSignal;
}

/** What came of a reader's file. */
export interface Comparison {
  readonly adapter: string;
  /** Whether the file launches itself, or stands in for one of our shader files. */
  readonly launched: 'by its own dispatch' | `in place of ${string}.wgsl`;
  /** Largest difference from our own kernel's result, over the largest value of that. */
  readonly differs: Readonly<Record<string, number>>;
  /** Absent where nothing was timed. */
  readonly race?: Race;
}

/**
 * Compiles a WGSL file, compares its result with float64 at some elements and with our kernel's at all, and times both.
 * @throws UserError where it does not compile (with its own line and message), cannot be launched, or computes something else
 */
export async function compareFile({ file, work, seconds, signal, ...options }: CompareOptions): Promise<Comparison> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UserError(`${file} cannot be read: ${(error as Error).message}`);
  });
  const directives = readDirectives(file, text);
  const copy = parse(file, text);
  const device = await openDevice({ ...options, shaders: new Map([[OWN, text]]) });
  try {
    setDefaultDevice(device);
    const said = await device.diagnose(text, directives.dispatches.length > 0 ? copy.entryPoints : []);
    if (said.some(({ severity }) => severity === 'error'))
      throw new UserError(diagnosisLines(file, text, said).join('\n'));
    const ours = await prepareKernel(device, work);
    const own = directives.dispatches.length > 0;
    let launched: Comparison['launched'] = 'by its own dispatch';
    let theirs: Prepared;
    if (own) {
      theirs = await blame(file, () => prepareOwn(device, file, copy, directives, operandsOf(work, device)));
    } else {
      const { run, held } = jobOf(work);
      const { shader, tuning } = findStandIn(device, file, copy, run, shaderText);
      for (const tensor of held) tensor.dispose();
      launched = `in place of ${shader}.wgsl`;
      theirs = await blame(file, () => prepareStandIn(device, work, shader, tuning));
    }
    const differs = compare(file, work, ours.results, theirs.results);
    if (seconds === 0) return { adapter: adapterName(device), launched, differs };
    const flops = flopsOf(device, work);
    const measure = flops > 0 ? { amount: flops / 1e9, unit: 'GFLOP/s' } : { amount: 1, unit: 'launches/s' };
    const timing = { seconds, ...measure, ...(signal && { signal }) };
    return { adapter: adapterName(device), launched, differs, race: await race(ours, theirs, timing) };
  } finally {
    device.destroy();
  }
}

function parse(file: string, text: string): Shader {
  try {
    const shader = parseShader(OWN, text);
    if (shader.entryPoints.size > 0) return shader;
  } catch (error) {
    throw new UserError(`${file}: ${(error as Error).message.replace(`${OWN}.wgsl: `, '')}`);
  }
  throw new UserError(`${file}: has no entry point (@compute @workgroup_size(…) fn …)`);
}

/** Whatever goes wrong with a reader's kernel is the file's fault, not the program's. */
async function blame(file: string, prepare: () => Promise<Prepared>): Promise<Prepared> {
  try {
    return await prepare();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`${file}: ${(error instanceof Error ? error.message : String(error)).replaceAll(OWN, file)}`);
  }
}

async function prepareStandIn(
  device: Device,
  work: KernelWork,
  shader: string,
  tuning: Device['tuning'],
): Promise<Prepared> {
  const { run, held } = jobOf(work);
  const usual = device.tuning;
  const inPlace = <T>(fn: () => T): T => {
    device.tuning = tuning;
    try {
      return device.withStandIn(shader, OWN, fn);
    } finally {
      device.tuning = usual;
    }
  };
  const results: Record<string, Float32Array> = {};
  for (const [name, tensor] of Object.entries(inPlace(run))) {
    results[name] = await tensor.data();
    tensor.dispose();
  }
  return {
    results,
    launch: () => {
      for (const tensor of Object.values(inPlace(run))) tensor.dispose();
    },
    finish: () => device.settle(),
    dispose: () => {
      for (const tensor of held) tensor.dispose();
    },
  };
}

/** Multiplications and additions of the launches; 0 where bytes alone bound them. */
function flopsOf(device: Device, work: KernelWork): number {
  const { run, held } = jobOf(work);
  const flops = device.launchesOf(run).reduce((sum, call) => sum + (call.flops ?? 0), 0);
  for (const tensor of held) tensor.dispose();
  return flops;
}

/** In units of the largest value: two kernels that add in different orders stay far below. */
const TOLERANCE = 1e-3;

function compare(file: string, work: KernelWork, ours: Results, theirs: Results): Record<string, number> {
  try {
    checkKernel(work, theirs);
  } catch (error) {
    if (error instanceof WrongResult) throw new UserError(`${file}: wrong result: ${error.message} (in float64)`);
    throw error;
  }
  const differs: Record<string, number> = {};
  for (const [name, expected] of Object.entries(ours)) {
    const given = theirs[name]!;
    const scale = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-30);
    let worst = 0;
    for (const [i, value] of expected.entries()) {
      const difference = Math.abs(given[i]! - value) / scale;
      // Written so that NaN is wrong.
      if (!(difference <= TOLERANCE)) {
        throw new UserError(`${file}: wrong result: ${name}[${i}] is ${given[i]!}, our kernel gives ${value}`);
      }
      worst = Math.max(worst, difference);
    }
    differs[name] = worst;
  }
  return differs;
}
