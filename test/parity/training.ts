import { Adam, AdamW, RMSprop, SGD, type Optimizer } from '../../src/train/optim.js';
import { Parameter, Tensor } from '../../src/tensor/index.js';
import { compare, relativeToLargest, type Deviation } from './compare.js';
import { fill } from './fill.js';
import type { Golden, OptimizerCase, TrainingCases } from './golden.js';
import { checkMetrics } from './metrics.js';
import { lacks, runCase, type CaseResult } from './report.js';

const tolerance = 1e-5;

/** Checks the cases of `training.json`; optimisers run on the default device. */
export async function checkTraining({ seed, cases }: Golden<TrainingCases>): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const golden of cases.optimizers) {
    results.push(await runCase('training', golden.optimizer, () => checkOptimizer(golden, seed)));
  }
  // Schedulers come later.
  for (const { scheduler } of cases.schedulers) {
    results.push(await runCase('training', scheduler, () => lacks(scheduler)));
  }
  for (const [i, golden] of cases.metrics.entries()) {
    results.push(await runCase('training', `metrics #${i}`, () => Promise.resolve(checkMetrics(golden))));
  }
  return results;
}

/** `sgd momentum=0.9 nesterov`: a name, and options that are numbers or, where no value stands, true. */
function parseName(text: string): { name: string; options: Record<string, number | boolean> } {
  const [name, ...words] = text.split(' ');
  const options = words.map((word): [string, number | boolean] => {
    const [key, value] = word.split('=');
    return [key!.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), value === undefined || Number(value)];
  });
  return { name: name!, options: Object.fromEntries(options) };
}

interface OptimizerEntry {
  /** The options that it knows; a case with others is not implemented. */
  options: readonly string[];
  /** The learning rate is the generator's, which case names leave out. */
  make: (parameters: Parameter[], options: object) => Optimizer;
}

const optimizers: Record<string, OptimizerEntry> = {
  sgd: {
    options: ['momentum', 'nesterov', 'weightDecay'],
    make: (parameters, options) => new SGD(parameters, { lr: 0.1, ...options }),
  },
  adam: {
    options: ['weightDecay'],
    make: (parameters, options) => new Adam(parameters, { lr: 1e-2, ...options }),
  },
  adamw: {
    options: ['weightDecay'],
    make: (parameters, options) => new AdamW(parameters, { lr: 1e-2, ...options }),
  },
  rmsprop: {
    options: ['alpha', 'momentum', 'centered', 'weightDecay'],
    make: (parameters, options) => new RMSprop(parameters, { lr: 1e-2, ...options }),
  },
};

async function checkOptimizer({ optimizer: text, steps }: OptimizerCase, seed: number): Promise<Deviation[]> {
  const { name, options } = parseName(text);
  const entry = optimizers[name] ?? lacks(text);
  if (!Object.keys(options).every(option => entry.options.includes(option))) lacks(text);
  const size = steps[0]!.length;
  const p = Parameter.of(fill('optimizer/p', [size], seed), [size]);
  const optimizer = entry.make([p], options);
  const deviations: Deviation[] = [];
  for (const [k, expected] of steps.entries()) {
    p.grad = Tensor.from(fill(`optimizer/g${k}`, [size], seed), [size]);
    optimizer.step();
    p.grad.dispose();
    deviations.push(compare(`step ${k + 1}`, await p.data(), expected, [size], relativeToLargest(expected, tolerance)));
  }
  p.dispose();
  return deviations;
}
