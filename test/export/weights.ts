import type { HostTensor } from '../../src/interop/safetensors.js';
import type { Module } from '../../src/nn/index.js';

/**
 * Gives a network weights after which its logits depend on every layer, and batch normalisations that have seen something.
 * `gain` is what weights make up for of what activations swallow, √2 for relu (He et al., 2015).
 * Quicker than its own initialisers, which draw millions of values from a counter-based generator.
 */
export function fillWeights(model: Module, gain = Math.SQRT2): Map<string, HostTensor> {
  const state = new Map<string, HostTensor>();
  let word = 0x9e3779b9;
  // Marsaglia, "Xorshift RNGs", 2003.
  const uniform = (least: number, most: number) => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return least + ((most - least) * (word >>> 0)) / 2 ** 32;
  };
  for (const [name, shape] of model.stateShapes()) {
    if (name.endsWith('num_batches_tracked')) {
      state.set(name, { dtype: 'I64', shape, data: new BigInt64Array(1) });
      continue;
    }
    const count = shape.reduce((a, b) => a * b, 1);
    const bound = gain * Math.sqrt((3 * shape[0]!) / count);
    const [least, most] = name.endsWith('running_var')
      ? [0.5, 1.5]
      : shape.length === 1
        ? name.endsWith('weight')
          ? [0.5, 1.2]
          : [-0.2, 0.2]
        : [-bound, bound];
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) data[i] = uniform(least, most);
    state.set(name, { dtype: 'F32', shape, data });
  }
  model.loadStateDict(state);
  return state;
}
