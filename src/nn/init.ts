import { defaultGenerator, elementCount, Parameter, STREAM } from '../tensor/index.js';

/** Uniform in [−bound, bound), from the default generator's next draw. */
export function uniform(shape: readonly number[], bound: number): Parameter {
  const stream = defaultGenerator().stream(STREAM.init);
  const values = Float32Array.from({ length: elementCount(shape) }, () => bound * (2 * stream.uniform() - 1));
  return Parameter.of(values, shape);
}

export function constant(shape: readonly number[], value: number): Parameter {
  return Parameter.of(new Float32Array(elementCount(shape)).fill(value), shape);
}

/**
 * PyTorch's default for the weight (O, ...) of Linear and Conv2d: He's uniform initialiser with a = √5
 * (torch.nn.init.kaiming_uniform_), which comes to a bound of 1/√fan_in.
 */
export function defaultWeight(shape: readonly number[]): Parameter {
  return uniform(shape, 1 / Math.sqrt(elementCount(shape.slice(1))));
}

/** PyTorch's default for their bias (O): uniform within 1/√fan_in of the weight. */
export function defaultBias(size: number, fanIn: number): Parameter {
  return uniform([size], 1 / Math.sqrt(fanIn));
}
