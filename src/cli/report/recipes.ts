import type { Recipe } from '../../train/recipes/index.js';
import { columns, wrap } from './format.js';

const REPRODUCES_COLUMNS = 44;

/** One line a recipe. */
export function recipeTable(recipes: readonly Recipe[]): string[] {
  const rows = recipes.flatMap(({ name, about, options }) => {
    const { model, epochs = options.stages?.reduce((sum, stage) => sum + stage.epochs, 0) } = options;
    const [first = '', ...more] = wrap(about?.reproduces ?? '', REPRODUCES_COLUMNS);
    const line = [name, model ?? '', about?.data ?? '', epochs === undefined ? '' : String(epochs), first];
    return [line, ...more.map(text => ['', '', '', '', text])];
  });
  return columns([['recipe', 'model', 'data', 'epochs', 'reproduces'], ...rows], 'lllrl');
}
