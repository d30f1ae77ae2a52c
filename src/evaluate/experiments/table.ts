import { csvLine } from '../../data/csv-line.js';
import type { Reported } from '../../train/recipes/index.js';
import { markdownTable, type Statistic } from '../../train/series/index.js';
import type { ExperimentResult, RecipeResult, SplitResult } from './results.js';

const percent = (value: number) => (100 * value).toFixed(2);
const whole = (value: number | undefined) => (value === undefined ? '' : Math.round(value).toLocaleString('en-US'));

/** In per cent, with the deviation where there are several runs. */
function shown(statistic: Statistic | undefined): string {
  if (!statistic) return '';
  const { mean, std } = statistic;
  return std === undefined ? percent(mean) : `${percent(mean)} ± ${percent(std)}`;
}

const REPORTED: readonly (readonly [key: keyof Reported, name: string])[] = [
  ['val-accuracy', 'val'],
  ['test-accuracy', 'test'],
  ['test-macro-f1', 'macro F1'],
  ['test-weighted-f1', 'weighted F1'],
];

function listed(figures: Reported | undefined, sign: boolean): string {
  const parts = REPORTED.flatMap(([key, name]) => {
    const value = figures?.[key];
    return value === undefined ? [] : [`${sign && value >= 0 ? '+' : ''}${percent(value)} ${name}`];
  });
  return parts.join(', ');
}

/** A line for each recipe, the head first: accuracies and F1 in per cent, differences in percentage points. */
export function experimentsTable(recipes: readonly RecipeResult[]): string[][] {
  return [
    [
      ...['recipe', 'model', 'parameters', 'epochs', 'best val', 'test', 'macro F1', 'minutes', 'images/s', 'reported'],
      'difference',
    ],
    ...recipes.map(recipe => [
      recipe.finished < recipe.runs ? `${recipe.recipe} (${recipe.finished} of ${recipe.runs})` : recipe.recipe,
      ...[recipe.model, whole(recipe.parameters), whole(recipe.epochs)],
      ...[shown(recipe.valAccuracy), shown(recipe.testAccuracy), shown(recipe.testMacroF1 ?? recipe.valMacroF1)],
      recipe.seconds === undefined ? '' : (recipe.seconds / 60).toFixed(1),
      whole(recipe.imagesPerSecond),
      listed(recipe.reported, false),
      listed(recipe.difference, true),
    ]),
  ];
}

export const TABLE_NOTE =
  'Accuracies and F1 in per cent, differences in percentage points. The epoch is chosen on validation and tested once; F1 is ' +
  'that of the test split, of validation where there is none. What is reported was measured by the source, on its own machine.';

export function experimentsMarkdown(title: string, recipes: readonly RecipeResult[]): string {
  return `# ${title}\n\n${markdownTable(experimentsTable(recipes))}\n\n${TABLE_NOTE}\n`;
}

/** A line for each run, with all digits. */
export function experimentsCsv(
  results: readonly ExperimentResult[],
  reported: ReadonlyMap<string, Reported | undefined>,
): string {
  const split = (result: SplitResult | undefined) => [
    ...[result?.count, result?.loss, result?.accuracy, result?.macroF1, result?.weightedF1],
  ];
  const lines = results.map(result => {
    const source = reported.get(result.recipe);
    const { recipe, seed, model, run, state, error, parameters, epochs, bestEpoch, seconds, imagesPerSecond } = result;
    return [
      ...[recipe, seed, model, run, state, error, parameters, epochs, bestEpoch, seconds, imagesPerSecond],
      ...[...split(result.val), ...split(result.test), ...REPORTED.map(([key]) => source?.[key])],
    ];
  });
  const ofSplit = (name: string) =>
    ['images', 'loss', 'accuracy', 'macro_f1', 'weighted_f1'].map(figure => `${name}_${figure}`);
  const head = [
    ...['recipe', 'seed', 'model', 'run', 'state', 'error', 'parameters', 'epochs', 'best_epoch', 'seconds'],
    ...['images_per_second', ...ofSplit('val'), ...ofSplit('test')],
    ...REPORTED.map(([key]) => `reported_${key.replaceAll('-', '_')}`),
  ];
  return [head, ...lines.map(line => line.map(cell => String(cell ?? '')))].map(csvLine).join('');
}
