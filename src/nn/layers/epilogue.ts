import type { OutputActivation } from '../../kernels/activation.js';
import type { Epilogue, Module } from '../module.js';
import type { Tensor } from '../../tensor/index.js';
import type { ActivationModule } from './activations.js';

/** Those that a product's own kernel can end in. */
const OUTPUT_ACTIVATIONS: ReadonlySet<string> = new Set<OutputActivation>(['relu', 'relu6', 'sigmoid', 'tanh']);

/** Whether an epilogue is one that products (convolutions, linear layers) can end in: an activation and no residual. */
export function endsInOutputActivation({ residual, activation }: Epilogue): boolean {
  return residual === undefined && (activation === undefined || OUTPUT_ACTIVATIONS.has(activation));
}

/** activation(layer(x)), as one kernel where the layer can and where no hook looks in between. */
export function activated(layer: Module, activation: ActivationModule, x: Tensor): Tensor {
  const epilogue = { activation: activation.kind };
  if (activation.hooked || !layer.fuses(epilogue)) return activation.forward(layer.forward(x));
  const y = layer.forwardFused(x, epilogue);
  activation.absorb(y);
  return y;
}
