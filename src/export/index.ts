export { exportOnnx, OPSETS, toOnnx, type OnnxOptions, type Preprocessing } from './onnx/index.js';
export { exportTrained, type Exported, type ExportRequest } from './trained.js';
