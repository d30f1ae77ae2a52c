import type { Module } from '../module.js';
import { ImprovedMLP } from './improved-mlp.js';
import { SimpleCNN } from './simple-cnn.js';
import { SimpleMLP } from './simple-mlp.js';

export interface ModelOptions {
  /** Number of classes; seven by default. */
  readonly classes?: number;
}

export interface ModelDefinition {
  readonly description: string;
  /** Channels and side of the square input. */
  readonly channels: number;
  readonly size: number;
  readonly create: (options?: ModelOptions) => Module;
}

/** Every architecture by the name that the command line takes. */
export const modelRegistry: Readonly<Record<string, ModelDefinition>> = {
  'simple-mlp': {
    description: 'one hidden layer of 256',
    channels: 1,
    size: 48,
    create: ({ classes = 7 } = {}) => new SimpleMLP(classes),
  },
  'improved-mlp': {
    description: 'three hidden layers with batch normalisation and dropout',
    channels: 1,
    size: 48,
    create: ({ classes = 7 } = {}) => new ImprovedMLP(classes),
  },
  'simple-cnn': {
    description: 'three convolutions with max pooling, 128 hidden units',
    channels: 1,
    size: 48,
    create: ({ classes = 7 } = {}) => new SimpleCNN(classes),
  },
};
