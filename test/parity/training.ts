import { Adam, AdamW, RMSprop, SGD, type Optimizer } from '../../src/train/optim.js';
import {
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  ExponentialLR,
  MultiStepLR,
  OneCycleLR,
  ReduceLROnPlateau,
  StepLR,
  type ScheduledGroup,
  type Scheduler,
} from '../../src/train/schedulers/index.js';
import { Parameter, Tensor } from '../../src/tensor/index.js';
import { compare, relativeEach, relativeToLargest, type Deviation } from './compare.js';
import { fill } from './fill.js';
import type { Golden, OptimizerCase, SchedulerCase, TrainingCases } from './golden.js';
import { checkMetrics } from './metrics.js';
import { lacks, runCase, type CaseResult } from './report.js';

const tolerance = 1e-5;

/** Checks the cases of `training.json`; optimisers run on the default device. */
export async function checkTraining({ seed, cases }: Golden<TrainingCases>): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const golden of cases.optimizers) {
    results.push(await runCase('training', golden.optimizer, () => checkOptimizer(golden, seed)));
  }
  for (const golden of cases.schedulers) {
    results.push(await runCase('training', golden.scheduler, () => Promise.resolve(checkScheduler(golden))));
  }
  for (const [i, golden] of cases.metrics.entries()) {
    results.push(await runCase('training', `metrics #${i}`, () => Promise.resolve(checkMetrics(golden))));
  }
  return results;
}

type Option = number | boolean | number[];

/** `sgd momentum=0.9 nesterov`: a name, and options that are numbers, lists or, where no value stands, true. */
function parseName(text: string): { name: string; options: Record<string, Option> } {
  const [name, ...words] = text.split(' ');
  const options = words.map((word): [string, Option] => {
    const [key, value] = word.split('=');
    const numbers = value?.split(',').map(Number) ?? [];
    const camel = key!.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    return [camel, value === undefined || (numbers.length > 1 ? numbers : numbers[0]!)];
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

interface SchedulerEntry {
  /** The options that it knows; a case with others is not implemented. */
  options: readonly string[];
  make: (groups: ScheduledGroup[], options: never) => Scheduler;
}

const schedulers: Record<string, SchedulerEntry> = {
  exponential: { options: ['gamma'], make: (groups, options) => new ExponentialLR(groups, options) },
  plateau: {
    options: ['factor', 'patience', 'threshold'],
    make: (groups, options) => new ReduceLROnPlateau(groups, options),
  },
  step: {
    options: ['size', 'gamma'],
    make: (groups, { size, ...rest }: { size: number }) => new StepLR(groups, { stepSize: size, ...rest }),
  },
  multistep: { options: ['milestones', 'gamma'], make: (groups, options) => new MultiStepLR(groups, options) },
  cosine: { options: ['tMax'], make: (groups, options) => new CosineAnnealingLR(groups, options) },
  'cosine-restarts': {
    options: ['t0', 'tMult'],
    make: (groups, options) => new CosineAnnealingWarmRestarts(groups, options),
  },
  onecycle: {
    options: ['maxLr', 'total'],
    // The last of `total` steps ends the cycle; torch counts the state before the first one too.
    make: (groups, { total, ...rest }: { total: number; maxLr: number }) =>
      new OneCycleLR(groups, { totalSteps: total + 1, ...rest }),
  },
};

function checkScheduler({ scheduler: text, base_lr: lr, metric, lrs }: SchedulerCase): Deviation[] {
  const { name, options } = parseName(text);
  const entry = schedulers[name] ?? lacks(text);
  if (!Object.keys(options).every(option => entry.options.includes(option))) lacks(text);
  const group = { lr, momentum: 0.9 };
  const scheduler = entry.make([group], options as never);
  const actual = [group.lr];
  for (let k = 0; k + 1 < lrs.length; k++) {
    scheduler.step(metric?.[k]);
    actual.push(group.lr);
  }
  // Rates are numbers of the host: what remains is the rounding of another order of operations.
  return [compare('lr', actual, lrs, [lrs.length], relativeEach(1e-10))];
}
