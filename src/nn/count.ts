import { noGrad, observe, scope, Tensor } from '../tensor/index.js';
import type { Module } from './module.js';

/** Number of learned values. */
export function countParameters(model: Module): number {
  return model.parameters().reduce((total, parameter) => total + parameter.size, 0);
}

/**
 * Multiply-accumulates of one image's forward pass: those of convolutions and linear layers, as is the custom of the field.
 * `input` is (C,H,W).
 */
export function countMacs(model: Module, input: readonly [number, number, number]): number {
  let macs = 0;
  const training = model.training;
  model.eval();
  scope(() => {
    observe(
      (op, [, weight], output) => {
        // Each output value takes the products of one output channel's weight.
        if (op === 'conv2d' || op === 'linear') macs += output.size * (weight!.size / weight!.shape[0]!);
      },
      () => noGrad(() => model.forward(Tensor.zeros([1, ...input]))),
    );
  });
  model.train(training);
  return macs;
}
