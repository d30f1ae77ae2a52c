import type { Device } from '../../gpu/device.js';
import { Tensor } from '../../tensor/index.js';
import { RandomStream } from '../../util/random.js';
import { median } from '../../util/statistics.js';
import { choiceName, type Choice, type TuningProblem } from './choice.js';

/** What a table says of a class whose default was found to be best. */
export const DEFAULT_CHOICE = 'default';

/** How much shorter than the default's a choice's time must be: what is measured twice differs by less. */
const MARGIN = 1.05;
/**
 * Largest difference from the default's result, relative to its largest value: rounding is far below, a fault far above.
 * Where some choices round their operands to f16, that is in it.
 */
const [TOLERANCE, HALF_TOLERANCE] = [1e-3, 1e-2];
/** Rounds of timing: the first sorts out what is slow; below the least there is no verdict. */
const [MOST_ROUNDS, LEAST_ROUNDS] = [7, 3];
/** Rounds of the winner against the default alone. */
const [MOST_DUELS, LEAST_DUELS] = [11, 5];
/** A choice that takes this much longer than the best of the first round is not timed again. */
const HOPELESS = 1.5;
/** Choices whose kernels are compiled at the same time. */
const TOGETHER = 4;
/** Milliseconds that one choice runs in a round, by repetition, so that clocks do not matter. */
const SAMPLE = 1;
/** Launches of one choice in a round at most. */
const MOST_REPEATS = 32;
/** Different values of an operand, which repeat from there on. */
const PATTERN = 65_536;

/** Values by which a choice is refined once its tile is found; each with that which tiles are compared at. */
const REFINED: Readonly<Record<string, number>> = { SUBGROUPS: 1, workgroups: 256, invocations: 16_384 };

/** How long kernels are compared, with what limits, and who hears of it. */
export interface TuningOptions {
  /** Milliseconds in all. */
  readonly budget: number;
  /** Try only choices whose results are the default's bits, so that nothing but the speed depends on what is measured. */
  readonly sameBits?: boolean;
  /** Told before a class is looked at, and what came of it. */
  readonly onBegin?: (problem: TuningProblem) => void;
  readonly onResult?: (result: TuningResult) => void | Promise<void>;
  readonly signal?: AbortSignal;
}

/** What came of one class of shapes. */
export interface TuningResult {
  /** As tables name the class. */
  readonly key: string;
  /** The name of the choice, or DEFAULT_CHOICE. */
  readonly choice: string;
  readonly standard: string;
  /** Milliseconds of the default and of the choice, of one run; NaN where nothing was compared. */
  readonly standardMs: number;
  readonly ms: number;
  /** Choices that were compared with the default; 0 where time ran out before. */
  readonly tried: number;
  /** Names of choices whose result was wrong on this adapter. */
  readonly refused: readonly string[];
}

/**
 * Finds the fastest choice for each problem, the one with the most work first, until the budget is used up; those
 * that are not reached have no result. A choice wins where its result agrees with the default's and its time, compared with the
 * default's of the same round, is clearly shorter.
 */
export async function tuneKernels(
  device: Device,
  problems: readonly TuningProblem[],
  options: TuningOptions,
): Promise<TuningResult[]> {
  const deadline = performance.now() + options.budget;
  const work = ({ tunable, problem }: TuningProblem) => tunable.work(problem);
  const results: TuningResult[] = [];
  for (const problem of [...problems].sort((a, b) => work(b) - work(a))) {
    if (performance.now() >= deadline || options.signal?.aborted) break;
    options.onBegin?.(problem);
    const search = new Search(device, problem, options.sameBits ?? false, deadline);
    const result = await search.run();
    results.push(result);
    await options.onResult?.(result);
  }
  return results;
}

/** A choice under trial, with its milliseconds in each round. */
interface Contestant {
  readonly choice: Choice;
  readonly name: string;
  readonly ms: number[];
}

class Search {
  readonly #standard: Contestant;
  readonly #operands: Tensor[];
  readonly #result: Tensor;
  readonly #refused: string[] = [];
  #tried = 0;
  /** Launches of one choice in a round. */
  #repeats = 1;

  constructor(
    private readonly device: Device,
    private readonly problem: TuningProblem,
    private readonly sameBits: boolean,
    private readonly deadline: number,
  ) {
    const { tunable, problem: sizes } = problem;
    this.#standard = contestant(tunable.standard(sizes, device));
    this.#operands = tunable.operands(sizes).map((shape, i) => operand(shape, i, device));
    this.#result = Tensor.empty(tunable.result(sizes), { device });
  }

  async run(): Promise<TuningResult> {
    try {
      const expected = await this.#values(this.#standard);
      const tile = await this.#fastest(expected, choice =>
        secondary(choice).every(([name, value]) => REFINED[name] === value),
      );
      const best = await this.#fastest(expected, choice => refines(choice, tile.choice), tile);
      const won = best !== this.#standard && (await this.#confirms(best));
      const { key } = this.problem;
      const standardMs = this.#tried > 0 ? median(this.#standard.ms) : NaN;
      return {
        key,
        choice: won ? best.name : DEFAULT_CHOICE,
        standard: this.#standard.name,
        standardMs,
        ms: won ? standardMs * ratio(best, this.#standard) : standardMs,
        tried: this.#tried,
        refused: this.#refused,
      };
    } finally {
      for (const tensor of [...this.#operands, this.#result]) tensor.dispose();
      this.device.pool.trim();
    }
  }

  /** The fastest of the default, of `best` so far and of the candidates that `wanted` takes, as far as time goes. */
  async #fastest(
    expected: Float32Array,
    wanted: (choice: Choice) => boolean,
    best: Contestant = this.#standard,
  ): Promise<Contestant> {
    const { tunable, problem } = this.problem;
    const candidates = tunable
      .candidates(problem, this.device)
      .filter(choice => wanted(choice) && (!this.sameBits || choice.order === this.#standard.choice.order))
      .map(contestant)
      .filter(({ name }) => name !== this.#standard.name && name !== best.name);
    const correct: Contestant[] = [];
    for (let i = 0; i < candidates.length && this.#timeLeft; i += TOGETHER) {
      const group = candidates.slice(i, i + TOGETHER);
      const values = await Promise.all(group.map(each => this.#values(each)));
      group.forEach((each, j) => {
        if (this.#agrees(values[j]!, expected)) correct.push(each);
        else this.#refused.push(each.name);
      });
    }
    if (correct.length === 0) return best;
    let field = [...new Set([this.#standard, best, ...correct])];
    for (const { ms } of field) ms.length = 0;
    this.#repeats = 1;
    for (let round = 0; round < MOST_ROUNDS && (round === 0 || this.#timeLeft); round++) {
      await this.#time(field);
      if (round > 0) continue;
      const least = Math.min(...field.map(({ ms }) => ms[0]!));
      field = field.filter(each => each === this.#standard || each === best || each.ms[0]! <= HOPELESS * least);
      this.#repeats = Math.min(MOST_REPEATS, Math.max(1, Math.ceil(SAMPLE / least)));
    }
    if (this.#standard.ms.length < LEAST_ROUNDS) return best;
    this.#tried += correct.length;
    const [fastest] = [...field].sort((a, b) => ratio(a, this.#standard) - ratio(b, this.#standard));
    return ratio(fastest!, this.#standard) * MARGIN < 1 ? fastest! : this.#standard;
  }

  /** Whether a choice is as fast in rounds of its own: of many, one looks fast by chance, the more so on a busy machine. */
  async #confirms(best: Contestant): Promise<boolean> {
    const pair = [this.#standard, best];
    for (const { ms } of pair) ms.length = 0;
    for (let round = 0; round < MOST_DUELS && (round === 0 || this.#timeLeft); round++) {
      await this.#time(round % 2 === 0 ? pair : [...pair].reverse());
    }
    const undisturbed = Math.min(...best.ms) / Math.min(...this.#standard.ms);
    return best.ms.length >= LEAST_DUELS && Math.max(ratio(best, this.#standard), undisturbed) * MARGIN < 1;
  }

  get #timeLeft(): boolean {
    return performance.now() < this.deadline;
  }

  #launch({ choice }: Contestant): void {
    this.problem.tunable.launch(choice, this.problem.problem, this.#operands, this.#result);
  }

  /** The result by this choice. */
  async #values(each: Contestant): Promise<Float32Array> {
    this.device.clear(this.#result.slice);
    this.#launch(each);
    return new Float32Array(await this.device.read(this.#result.slice));
  }

  #agrees(values: Float32Array, expected: Float32Array): boolean {
    let largest = 0;
    for (const value of expected) largest = Math.max(largest, Math.abs(value));
    const tolerance = this.sameBits ? 0 : largest * (this.device.matrices ? HALF_TOLERANCE : TOLERANCE);
    // NaN, which stands for a subgroup of too few lanes, is not near anything.
    return values.every((value, i) => Math.abs(value - expected[i]!) <= tolerance);
  }

  /** One round: each in turn. */
  async #time(field: readonly Contestant[]): Promise<void> {
    const repeats = this.#repeats;
    const launches: number[] = [];
    const launch = (each: Contestant) => {
      const before = this.device.counts.launches;
      for (let i = 0; i < repeats; i++) this.#launch(each);
      launches.push(this.device.counts.launches - before);
    };
    if (this.device.features.has('timestamp-query')) {
      const { gpu } = await this.device.profile(() => {
        for (const each of field) launch(each);
        return Promise.resolve();
      });
      let first = 0;
      field.forEach(({ ms }, i) => {
        const spans = gpu.slice(first, (first += launches[i]!));
        ms.push(spans.reduce((sum, { begin, end }) => sum + end - begin, 0) / repeats);
      });
      return;
    }
    for (const each of field) {
      await this.device.settle();
      const start = performance.now();
      launch(each);
      await this.device.settle();
      each.ms.push((performance.now() - start) / repeats);
    }
  }
}

function contestant(choice: Choice): Contestant {
  return { choice, name: choiceName(choice), ms: [] };
}

function secondary({ values }: Choice): [string, number][] {
  return Object.entries(values).filter(([name]) => name in REFINED);
}

/** Whether `choice` is `tile` with exactly one of the refining values changed. */
function refines(choice: Choice, tile: Choice): boolean {
  if (choice.shader !== tile.shader) return false;
  const changed = Object.entries(choice.values).filter(([name, value]) => tile.values[name] !== value);
  return changed.length === 1 && changed[0]![0] in REFINED;
}

/** Time relative to the default's, as the median over rounds: what disturbs a round disturbs both. */
function ratio(each: Contestant, standard: Contestant): number {
  return median(each.ms.map((ms, round) => ms / standard.ms[round]!));
}

/** A tensor of uniform values in [−1, 1), which repeat; a large one would take the host longer than its kernels. */
function operand(shape: readonly number[], stream: number, device: Device): Tensor {
  const tensor = Tensor.empty(shape, { device });
  const random = new RandomStream(1, stream);
  const size = Math.min(PATTERN, tensor.size);
  const values = Float32Array.from({ length: size }, () => 2 * random.uniform() - 1);
  const pattern = Tensor.from(values, [size], { device });
  const { buffer, offset } = tensor.slice;
  for (let at = 0; at < tensor.size; at += PATTERN) {
    const bytes = 4 * Math.min(PATTERN, tensor.size - at);
    device.copy({ ...pattern.slice, bytes }, { buffer, offset: offset + 4 * at, bytes });
  }
  pattern.dispose();
  return tensor;
}
