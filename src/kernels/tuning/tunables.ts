import { tunableConvolution } from '../conv2d_tuning.js';
import { tunableProducts } from '../matmul.js';
import { tunablePointwise } from '../pointwise.js';
import { tunableSum } from '../reduce.js';
import type { Tunable } from './choice.js';

/** Everything that can run in several ways. */
export const tunables: readonly Tunable[] = [
  ...Object.values(tunableConvolution),
  ...Object.values(tunableProducts),
  tunableSum,
  tunablePointwise,
];
