export { exportOnnx, OPSETS, toOnnx, type OnnxOptions, type Preprocessing } from './export.js';
