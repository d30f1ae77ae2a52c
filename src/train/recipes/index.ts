export { aboutSchema, type About, type Reported } from './layout.js';
export { parseRecipe, type RecipeContent } from './parse.js';
export { readRecipe, recipeNames, type Recipe } from './read.js';
export { recipeText, type RecipeHead } from './write.js';
