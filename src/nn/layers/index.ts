export { ActivationModule, GELU, Hardswish, LeakyReLU, ReLU, ReLU6, Sigmoid, SiLU, Tanh } from './activations.js';
export { BatchNorm, BatchNorm1d, BatchNorm2d } from './batch-norm.js';
export { Conv2d } from './conv2d.js';
export { activated } from './epilogue.js';
export { Linear } from './linear.js';
export { AdaptiveAvgPool2d, AvgPool2d, MaxPool2d } from './pooling.js';
export { Dropout, StochasticDepth } from './regularisation.js';
export { Sequential } from './sequential.js';
export { Flatten, Identity } from './shape.js';
