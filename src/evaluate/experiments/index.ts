export { matchRecipes, planExperiments, type Experiment, type ExperimentsAsked, type Refused } from './plan.js';
export { type ExperimentResult, type RecipeResult, type SplitResult } from './results.js';
export { runExperiments, type ExperimentComparison, type ExperimentsContext } from './run.js';
export { experimentsCsv, experimentsMarkdown, experimentsTable, TABLE_NOTE } from './table.js';
