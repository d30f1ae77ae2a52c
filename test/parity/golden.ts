/** What the golden files hold, as far as the comparison reads it. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UserError } from '../../src/util/errors.js';

/** The project's own selection of the goldens: every kind of case, the smaller ones of each. */
export const goldenCopy = fileURLToPath(new URL('golden', import.meta.url));

export interface Golden<Cases> {
  seed: number;
  cases: Cases;
}

export interface OpInput {
  shape: number[];
  scale: number;
  offset: number;
  /** The name that the values are drawn from; `<op>/<input>` where there is none. */
  name?: string;
}

/** An operation: its output, and the gradients of sum(output * fill('<op>/grad')). */
export interface OpCase {
  op: string;
  params: Record<string, unknown>;
  inputs: Record<string, OpInput>;
  output: { shape: number[]; values: number[] };
  grads: Record<string, number[]>;
}

/** Running statistics after one training-mode call of batch normalisation; no gradients. */
export interface RunningCase {
  op: 'batch_norm_running';
  params: { momentum: number; running_mean: number[]; running_var: number[] };
  inputs: { input: OpInput };
  output: { running_mean: number[]; running_var: number[] };
}

/** What is kept of a large tensor, and how far its norm and each element may be off (absolute). */
export interface Digest {
  norm: number;
  head: number[];
  tol: number;
}

export interface ModelCase {
  model: string;
  classes: number;
  input: number[];
  labels: number[];
  state: [name: string, shape: number[]][];
  parameters: number;
  macs: { size: number; count: number };
  eval_logits: number[];
  train_logits: number[];
  loss: number;
  input_grad: Digest;
  grads: Record<string, Digest>;
  buffers: Record<string, Digest>;
  sgd_losses: number[];
  adam_losses: number[];
  tolerance: { eval_logits: number; train_logits: number; sgd_losses: number[]; adam_losses: number[] };
}

export interface OptimizerCase {
  optimizer: string;
  /** The parameter after each step. */
  steps: number[][];
}

export interface SchedulerCase {
  scheduler: string;
  base_lr: number;
  metric: number[] | null;
  lrs: number[];
}

export interface MetricsCase {
  truth: number[];
  pred: number[];
  score: number[][];
  [field: string]: unknown;
}

export interface TrainingCases {
  optimizers: OptimizerCase[];
  schedulers: SchedulerCase[];
  metrics: MetricsCase[];
}

export interface Goldens {
  ops: Golden<(OpCase | RunningCase)[]>;
  models: Golden<ModelCase[]>;
  training: Golden<TrainingCases>;
}

/**
 * Reads `ops.json`, `models.json` and `training.json`.
 *
 * @throws UserError that names the file which is missing or cannot be parsed
 */
export function readGoldens(folder: string): Goldens {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw new UserError(`${folder}: no such folder; name the one that holds ops.json, models.json and training.json`);
  }
  return {
    ops: read(folder, 'ops', isList),
    models: read(folder, 'models', isList),
    training: read(folder, 'training', cases =>
      ['optimizers', 'schedulers', 'metrics'].every(kind => isList((cases as Record<string, unknown> | null)?.[kind])),
    ),
  };
}

function isList(value: unknown): boolean {
  return Array.isArray(value);
}

function read<Cases>(folder: string, name: string, valid: (cases: unknown) => boolean): Golden<Cases> {
  const file = join(folder, `${name}.json`);
  if (!existsSync(file)) throw new UserError(`${file}: no such file`);
  let golden: Golden<Cases> | null;
  try {
    golden = JSON.parse(readFileSync(file, 'utf8')) as Golden<Cases> | null;
  } catch (error) {
    throw new UserError(`${file}: not JSON: ${(error as Error).message}`);
  }
  if (!Number.isInteger(golden?.seed) || !valid(golden?.cases)) {
    throw new UserError(`${file}: not a golden file: it needs a whole number 'seed' and its lists of 'cases'`);
  }
  return golden!;
}
