export { choiceName, choose, recordProblems, type Choice, type Tunable, type TuningProblem } from './choice.js';
export { tunables } from './tunables.js';
export { DEFAULT_CHOICE, tuneKernels, type TuningOptions, type TuningResult } from './tune.js';
