export { BasicBlock } from './basic-block.js';
export { ConvNormActivation, type ConvNormOptions } from './conv-norm-activation.js';
export { InvertedResidual } from './inverted-residual.js';
export { MBConv, type MBConvOptions } from './mbconv.js';
export { withResidual } from './residual.js';
export { ShuffleUnit } from './shuffle-unit.js';
export { SqueezeExcitation } from './squeeze-excitation.js';
