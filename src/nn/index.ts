export { countMacs, countParameters } from './count.js';
export * as init from './init.js';
export { BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential } from './layers.js';
export { modelRegistry, type ModelDefinition, type ModelOptions } from './models/registry.js';
export { Module, type StateDict, type StateEntry } from './module.js';
