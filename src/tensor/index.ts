export { defaultDevice, setDefaultDevice } from './context.js';
export { elementCount, formatShape, sameShape } from './layout.js';
export { defaultGenerator, Generator, manualSeed, STREAM } from './random.js';
export { scope } from './scope.js';
export {
  backward,
  gradientFor,
  isGradEnabled,
  noGrad,
  observe,
  record,
  registerTapeKernels,
  type OpAttributes,
} from './tape.js';
export { Parameter, Storage, Tensor, type DType, type HostArray, type Node } from './tensor.js';
