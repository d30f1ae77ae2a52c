import type { Device, TuningTable } from '../../gpu/device.js';
import type { Tensor } from '../../tensor/index.js';

/** What is free in a kernel, by name. */
export type Values<Name extends string = string> = Readonly<Record<Name, number>>;

/** One way to run an operation. */
export interface Choice {
  /** The shader file. */
  readonly shader: string;
  /** Values of the shader's constants, and how the host cuts a long sum (`workgroups`). */
  readonly values: Values;
  /** Choices of one order add the same numbers in the same order, so that their results are the same bits. */
  readonly order: string;
}

/** An operation that can run in several ways. `P` is a problem: plain numbers that say what is to be computed. */
export interface Tunable<P extends object = object> {
  readonly name: string;
  /** Problems that share their choice: sizes rounded up to powers of two, and all that `candidates` looks at. */
  shapeClass(problem: P): string;
  /** What runs where nothing was tuned. */
  standard(problem: P, device: Device): Choice;
  /** Everything that is worth a try on this device, in the order of promise; the same for all problems of a class. */
  candidates(problem: P, device: Device): readonly Choice[];
  /** About how much there is to do, in multiplications: the greatest is tuned first. */
  work(problem: P): number;
  /** Shapes of the operands, and of the result. */
  operands(problem: P): readonly (readonly number[])[];
  result(problem: P): readonly number[];
  launch(choice: Choice, problem: P, operands: readonly Tensor[], result: Tensor): void;
}

/** An operation and a problem that something wants solved. */
export interface TuningProblem {
  readonly key: string;
  readonly tunable: Tunable;
  readonly problem: object;
}

/** `n` rounded up to a power of two. */
export function bucket(n: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, n)));
}

/** The name under which tables list a choice, such as `conv2d SG=8 PIXELS=4 OUT=16`. */
export function choiceName({ shader, values }: Choice): string {
  return [shader, ...Object.entries(values).map(([name, value]) => `${name}=${value}`)].join(' ');
}

/** The name under which tables list a class of shapes; mixed precision has choices of its own. */
export function keyOf<P extends object>(device: Device, tunable: Tunable<P>, problem: P): string {
  return `${tunable.name} ${tunable.shapeClass(problem)}${device.matrices ? ' amp' : ''}`;
}

/** What `recordProblems` collects, while it does. */
let recorded: Map<string, TuningProblem> | undefined;

/** What was looked up in a device's table before; a table never changes. */
const lookups = new WeakMap<Device, { table: TuningTable; found: Map<string, Choice | undefined> }>();

/**
 * The choice that the device's table has for this class of shapes, else the standard one. A name that is no candidate here
 * (the table was made on another adapter, or by another version) counts as none: no table can bring a wrong result.
 */
export function choose<P extends object>(device: Device, tunable: Tunable<P>, problem: P): Choice {
  const { tuning } = device;
  if (tuning.size === 0 && !recorded) return tunable.standard(problem, device);
  const key = keyOf(device, tunable, problem);
  if (recorded && !recorded.has(key)) recorded.set(key, { key, tunable, problem });
  const name = tuning.get(key);
  if (name === undefined) return tunable.standard(problem, device);
  let lookup = lookups.get(device);
  if (lookup?.table !== tuning) lookups.set(device, (lookup = { table: tuning, found: new Map() }));
  if (!lookup.found.has(key)) {
    lookup.found.set(
      key,
      tunable.candidates(problem, device).find(choice => choiceName(choice) === name),
    );
  }
  return lookup.found.get(key) ?? tunable.standard(problem, device);
}

/** The first problem of each class that the operations called by `fn` solve on `device`; none of their kernels runs. */
export function recordProblems(device: Device, fn: () => void): TuningProblem[] {
  if (recorded) throw new Error('problems are being recorded already');
  recorded = new Map();
  try {
    device.rehearse(fn);
    return [...recorded.values()];
  } finally {
    recorded = undefined;
  }
}
