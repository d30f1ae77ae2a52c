/**
 * Activations by PyTorch's names, with its default slopes; gelu is the exact one (erf). The numbers are those of the
 * constant ACTIVATION in the shaders.
 */
export const ACTIVATIONS = {
  relu: 1,
  relu6: 2,
  silu: 3,
  sigmoid: 4,
  tanh: 5,
  hardswish: 6,
  gelu: 7,
  leaky_relu: 8,
} as const;

/** Name of an activation, in PyTorch's functional form: `relu`, `leaky_relu` … */
export type Activation = keyof typeof ACTIVATIONS;

/** Activations whose derivative follows from their own output, so that a kernel may end in one and keep nothing else. */
export type OutputActivation = 'relu' | 'relu6' | 'sigmoid' | 'tanh';

/** The shaders' constant for an activation, or for none. */
export function activationNumber(activation: Activation | undefined): number {
  return activation === undefined ? 0 : ACTIVATIONS[activation];
}
