import type { Tensor } from '../../tensor/index.js';
import { Module, type Epilogue } from '../module.js';
import { ActivationModule } from './activations.js';
import { activated } from './epilogue.js';

/**
 * Modules one after the other, named by their position. A convolution, linear layer or batch normalisation followed by an
 * activation runs as one kernel that ends in it, unless either of them is hooked.
 */
export class Sequential extends Module {
  readonly #layers: readonly Module[];

  constructor(...layers: readonly Module[]) {
    super();
    this.#layers = layers;
  }

  override children(): [string, Module][] {
    return this.#layers.map((layer, i) => [String(i), layer]);
  }

  override fuses(epilogue: Epilogue): boolean {
    return !this.hooked && (this.#layers.at(-1)?.fuses(epilogue) ?? false);
  }

  protected compute(x: Tensor, epilogue: Epilogue): Tensor {
    const last = this.#layers.length - 1;
    for (let i = 0; i <= last; i++) {
      const layer = this.#layers[i]!;
      const next = this.#layers[i + 1];
      if (next instanceof ActivationModule) {
        x = activated(layer, next, x);
        i++;
      } else if (i === last && (epilogue.residual ?? epilogue.activation)) {
        x = layer.forwardFused(x, epilogue);
      } else {
        x = layer.forward(x);
      }
    }
    return x;
  }
}
