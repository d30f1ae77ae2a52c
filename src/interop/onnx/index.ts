export { checkOnnx } from './check.js';
export { decodeOnnx, encodeOnnx } from './codec.js';
export { GraphBuilder } from './graph-builder.js';
export type { OnnxAttribute, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from './model.js';
