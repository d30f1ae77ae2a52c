import { defaultDevice, defaultGenerator, elementCount, Parameter, Storage, STREAM } from '../tensor/index.js';
import type { RandomStream } from '../util/random.js';

let filling = true;

/**
 * Runs `fn` with initialisers that write nothing: for networks of which only shapes are wanted, such as those of a
 * listing, or whose weights are loaded right after. What the parameters then hold is undefined.
 */
export function withoutValues<T>(fn: () => T): T {
  const before = filling;
  filling = false;
  try {
    return fn();
  } finally {
    filling = before;
  }
}

/** A parameter whose values nobody has set. */
function empty(shape: readonly number[]): Parameter {
  const device = defaultDevice();
  return new Parameter(shape, new Storage(device, device.pool.acquire(elementCount(shape) * 4)));
}

/** Fills `parameter` in PyTorch's order from the default generator's next draw. */
function draw(parameter: Parameter, value: (stream: RandomStream) => number): Parameter {
  if (!filling) return parameter;
  const stream = defaultGenerator().stream(STREAM.init);
  const values = new Float32Array(parameter.size);
  for (let i = 0; i < values.length; i++) values[i] = value(stream);
  parameter.set(values);
  return parameter;
}

/** Uniform in [−bound, bound): torch.nn.init.uniform_. */
export function uniform(parameter: Parameter, bound: number): Parameter {
  return draw(parameter, stream => bound * (2 * stream.uniform() - 1));
}

/** Normal with mean 0: torch.nn.init.normal_. */
export function normal(parameter: Parameter, std: number): Parameter {
  return draw(parameter, stream => std * stream.normal());
}

/** torch.nn.init.constant_. */
export function fill(parameter: Parameter, value: number): Parameter {
  if (filling) parameter.set(new Float32Array(parameter.size).fill(value));
  return parameter;
}

/**
 * torch.nn.init.kaiming_normal_ with mode='fan_out' for a weight (O,I,KH,KW) before a relu: deviation √(2/(O·KH·KW)) (He et
 * al., "Delving Deep into Rectifiers", 2015). Groups do not enter, as in PyTorch.
 */
export function kaimingNormalFanOut(weight: Parameter): Parameter {
  const [o, , ...kernel] = weight.shape;
  return normal(weight, Math.sqrt(2 / (o! * elementCount(kernel))));
}

/** A parameter of that shape, every value the same. */
export function constant(shape: readonly number[], value: number): Parameter {
  return fill(empty(shape), value);
}

/**
 * PyTorch's default for the weight (O, ...) of Linear and Conv2d: He's uniform initialiser with a = √5
 * (torch.nn.init.kaiming_uniform_), which comes to a bound of 1/√fan_in.
 */
export function defaultWeight(shape: readonly number[]): Parameter {
  return uniform(empty(shape), 1 / Math.sqrt(elementCount(shape.slice(1))));
}

/** PyTorch's default for their bias (O): uniform within 1/√fan_in of the weight. */
export function defaultBias(size: number, fanIn: number): Parameter {
  return uniform(empty([size]), 1 / Math.sqrt(fanIn));
}
