import { Command } from 'commander';
import type { Recipe } from '../train/recipes/index.js';
import { jsonDescription } from './options.js';

interface Flags {
  json?: true;
}

export function recipesCommand(): Command {
  return new Command('recipes')
    .summary('list the recipes, or print one')
    .description(
      'List the recipes that `facegrad train --recipe` knows by name, with what each reproduces; or print one of them, to ' +
        'begin a recipe of your own with.',
    )
    .argument('[name]', 'the recipe to print; also the path of a .yaml file')
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad recipes
  facegrad recipes system-a/mini-resnet > mine.yaml`,
    )
    .action(async (name: string | undefined, { json }: Flags) => {
      const { readRecipe, recipeNames } = await import('../train/recipes/index.js');
      if (name !== undefined) {
        const recipe = await readRecipe(name);
        console.log(json ? JSON.stringify(listed(recipe)) : recipe.text.trimEnd());
        return;
      }
      const recipes = await Promise.all((await recipeNames()).map(one => readRecipe(one)));
      if (json) {
        console.log(JSON.stringify(recipes.map(listed)));
        return;
      }
      const { recipeTable } = await import('./report/recipes.js');
      console.log(recipeTable(recipes).join('\n'));
    });
}

function listed({ name, about, options }: Recipe) {
  return { name, about, options };
}
