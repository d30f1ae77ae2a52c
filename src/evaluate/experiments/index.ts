export { Comparison, type Evaluation, type ExperimentComparison, type ExperimentsPlan } from './comparison.js';
export { matchRecipes, planExperiments, type Experiment, type ExperimentsAsked, type Refused } from './plan.js';
export { splitResultSchema, type ExperimentResult, type RecipeResult, type SplitResult } from './results.js';
export { evaluateMember, runExperiments, type ExperimentsContext } from './run.js';
export { experimentsCsv, experimentsMarkdown, experimentsTable, TABLE_NOTE } from './table.js';
