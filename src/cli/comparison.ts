import { resolve } from 'node:path';
import type { ExperimentComparison, ExperimentsPlan } from '../evaluate/experiments/index.js';
import type { TrainOptions } from '../train/types.js';
import { UserError } from '../util/errors.js';
import { dataFlagsOf, type DataFlags } from './data-options.js';
import { exitCodes } from './errors.js';
import type { GpuOptions } from './options.js';
import type { QueueFlags } from './queue/options.js';

/** What `facegrad compare` is given. */
export interface CompareFlags
  extends GpuOptions, DataFlags, QueueFlags, Partial<Pick<TrainOptions, 'epochs' | 'limit' | 'precision'>> {
  recipes?: string[];
  data?: string;
  exclude?: string;
  set?: string[];
  seeds?: number[];
  out?: string;
  autotune?: boolean;
  tensorboard: boolean;
  csv?: true;
  json?: true;
}

/** The folder of the comparison, by default. */
export const DEFAULT_OUT = 'comparison';

/** What is to be trained, and what it is called. */
export async function planComparison(
  flags: CompareFlags,
  out: string,
): Promise<{ plan: ExperimentsPlan; title: string }> {
  const { recipes, set, seeds } = flags;
  if (!recipes) throw new UserError("compare needs --recipes <names...>, such as --recipes 'system-a/*'");
  const { planExperiments } = await import('../evaluate/experiments/index.js');
  const plan = await planExperiments({ recipes, set, seeds, out, given: await givenOf(flags) });
  const { findModel } = await import('./find-model.js');
  for (const { options } of plan.experiments) findModel(options);
  return { plan, title: titleOf(flags, recipes) };
}

export function codeOf({ refused, runs }: ExperimentComparison): number {
  return refused.length > 0 || runs.some(({ state }) => state === 'failed') ? exitCodes.failure : exitCodes.success;
}

/** What goes before the recipes' own options. */
async function givenOf(flags: CompareFlags): Promise<Partial<TrainOptions>> {
  const { data, exclude, epochs, limit, precision } = flags;
  const paths = Object.entries({ data, exclude }).flatMap(([key, path]) =>
    path === undefined ? [] : [[key, path === 'synthetic' ? path : resolve(path)] as const],
  );
  const options = await dataFlagsOf(flags);
  return {
    ...options,
    ...(options.labels === undefined ? {} : { labels: resolve(options.labels) }),
    ...Object.fromEntries(paths),
    ...(epochs === undefined ? {} : { epochs }),
    ...(limit === undefined ? {} : { limit }),
    ...(precision === undefined ? {} : { precision }),
  };
}

function titleOf({ data, epochs, limit }: CompareFlags, recipes: readonly string[]): string {
  const changed = [
    ...(epochs === undefined ? [] : [`${epochs} epochs`]),
    ...(limit === undefined ? [] : [`at most ${limit} images of each split`]),
  ];
  return [`${recipes.join(', ')} on ${data ?? 'their own data'}`, ...changed].join(', ');
}

export async function showComparison(
  comparison: ExperimentComparison,
  out: string,
  { csv, json }: Pick<CompareFlags, 'csv' | 'json'>,
): Promise<void> {
  if (json) {
    console.log(JSON.stringify(comparison));
    return;
  }
  if (csv) {
    const { readFile } = await import('node:fs/promises');
    process.stdout.write(await readFile(`${out}/comparison.csv`, 'utf8'));
    return;
  }
  const { experimentsTable, TABLE_NOTE } = await import('../evaluate/experiments/index.js');
  const { columns, wrap } = await import('./report/format.js');
  const faults = [
    ...comparison.refused.map(({ recipe, error }) => `${recipe} is left out: ${error}`),
    ...comparison.runs.flatMap(({ run, error }) => (error === undefined ? [] : [`${run} failed: ${error}`])),
  ];
  const table = columns(experimentsTable(comparison.recipes), 'llr');
  console.log([...table, '', ...wrap(TABLE_NOTE, 100), ...faults, `results: ${out}`].join('\n'));
}
