import * as z from 'zod';
import type { Reported } from '../../train/recipes/index.js';
import { statisticOf, type Statistic } from '../../train/series/index.js';

/** Of a split under the run's `limit`, as it is stored. */
export const splitResultSchema = z.object({
  ...{ count: z.number(), loss: z.number(), accuracy: z.number(), macroF1: z.number(), weightedF1: z.number() },
});

export type SplitResult = Readonly<z.infer<typeof splitResultSchema>>;

/** What came of one run. */
export interface ExperimentResult {
  readonly recipe: string;
  readonly seed: number;
  readonly model: string;
  /** Its folder. */
  readonly run: string;
  readonly state: 'finished' | 'interrupted' | 'failed' | 'waiting';
  /** Why it failed. */
  readonly error?: string;
  readonly parameters?: number;
  readonly epochs?: number;
  readonly bestEpoch?: number;
  /** Training images a second, and seconds over all sittings. */
  readonly imagesPerSecond?: number;
  readonly seconds?: number;
  /** Of the best epoch's weights, which validation has chosen. */
  readonly val?: SplitResult;
  /** Absent where the data have no test images. */
  readonly test?: SplitResult;
}

/** A recipe's runs together. */
export interface RecipeResult {
  readonly recipe: string;
  readonly model: string;
  /** Finished, of all. */
  readonly finished: number;
  readonly runs: number;
  readonly parameters?: number;
  /** Means over the finished runs. */
  readonly epochs?: number;
  readonly seconds?: number;
  readonly imagesPerSecond?: number;
  readonly valAccuracy?: Statistic;
  readonly testAccuracy?: Statistic;
  readonly valMacroF1?: Statistic;
  readonly testMacroF1?: Statistic;
  readonly testWeightedF1?: Statistic;
  /** Of the recipe's source. */
  readonly reported?: Reported;
  /** Mean less what is reported, figure by figure. */
  readonly difference?: Reported;
}

/** The recipes that were compared, in order, each with its runs summed up. */
export function sumUp(
  results: readonly ExperimentResult[],
  reported: ReadonlyMap<string, Reported | undefined>,
): RecipeResult[] {
  return [...new Set(results.map(({ recipe }) => recipe))].map(recipe => {
    const runs = results.filter(result => result.recipe === recipe);
    const finished = runs.filter(({ state }) => state === 'finished');
    const statistic = (of: (result: ExperimentResult) => number | undefined) => {
      const values = finished.map(of).filter(value => value !== undefined);
      return values.length === 0 ? undefined : statisticOf(values, true);
    };
    const meanOf = (of: (result: ExperimentResult) => number | undefined) => statistic(of)?.mean;
    const figures = {
      valAccuracy: statistic(({ val }) => val?.accuracy),
      testAccuracy: statistic(({ test }) => test?.accuracy),
      valMacroF1: statistic(({ val }) => val?.macroF1),
      testMacroF1: statistic(({ test }) => test?.macroF1),
      testWeightedF1: statistic(({ test }) => test?.weightedF1),
    };
    const source = reported.get(recipe);
    const ours: Record<keyof Reported, Statistic | undefined> = {
      'val-accuracy': figures.valAccuracy,
      'test-accuracy': figures.testAccuracy,
      'test-macro-f1': figures.testMacroF1,
      'test-weighted-f1': figures.testWeightedF1,
    };
    const differences = (Object.keys(ours) as (keyof Reported)[]).flatMap(key => {
      const [own, theirs] = [ours[key]?.mean, source?.[key]];
      return own === undefined || theirs === undefined ? [] : [[key, own - theirs] as const];
    });
    return defined<RecipeResult>({
      ...{ recipe, model: runs[0]!.model, finished: finished.length, runs: runs.length },
      parameters: finished[0]?.parameters,
      epochs: meanOf(({ epochs }) => epochs),
      seconds: meanOf(({ seconds }) => seconds),
      imagesPerSecond: meanOf(({ imagesPerSecond }) => imagesPerSecond),
      ...figures,
      reported: source,
      difference: differences.length > 0 ? Object.fromEntries(differences) : undefined,
    });
  });
}

/** Without the fields that are undefined. */
function defined<T extends object>(fields: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
