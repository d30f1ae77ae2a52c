import { add } from '../../kernels/binary.js';
import type { Tensor } from '../../tensor/index.js';
import type { ActivationModule } from '../layers/index.js';
import type { Epilogue, Module } from '../module.js';

/** activation(layer(x) + residual), in the layer's last kernel where that can and where no hook looks in between. */
export function withResidual(layer: Module, x: Tensor, residual: Tensor, activation?: ActivationModule): Tensor {
  const epilogue: Epilogue = activation ? { residual, activation: activation.kind } : { residual };
  if (activation?.hooked || !layer.fuses(epilogue)) {
    const sum = add(layer.forward(x), residual);
    return activation ? activation.forward(sum) : sum;
  }
  const y = layer.forwardFused(x, epilogue);
  activation?.absorb(y);
  return y;
}
