export { AdaptedInput, IMAGENET, type InputAdaptation } from './adapted-input.js';
export * from './blocks/index.js';
export { countMacs, countParameters } from './count.js';
export * as init from './init.js';
export * from './layers/index.js';
export type { ModelDefinition, ModelOptions } from './models/definition.js';
export { modelRegistry } from './models/registry.js';
export {
  Module,
  traceModules,
  type Epilogue,
  type ForwardHook,
  type ParameterGroup,
  type StateDict,
  type StateEntry,
} from './module.js';
export type { Pattern } from './pattern.js';
export { summarize, type LayerSummary, type ModelSummary } from './summary.js';
