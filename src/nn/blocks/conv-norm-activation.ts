import { BatchNorm2d, Conv2d, Sequential, type ActivationModule } from '../layers/index.js';

/** Options of a convolution with normalisation and activation; sizes in pixels. */
export interface ConvNormOptions {
  readonly stride?: number;
  readonly groups?: number;
  readonly activation?: ActivationModule;
}

/**
 * Convolution without bias that keeps the size at stride 1, batch normalisation, activation if any: `0`, `1`, `2`
 * (torchvision.ops.Conv2dNormActivation).
 */
export class ConvNormActivation extends Sequential {
  constructor(inChannels: number, outChannels: number, kernelSize: number, options: ConvNormOptions = {}) {
    const { stride = 1, groups = 1, activation } = options;
    super(
      new Conv2d(inChannels, outChannels, kernelSize, { stride, padding: (kernelSize - 1) / 2, groups, bias: false }),
      new BatchNorm2d(outChannels),
      ...(activation ? [activation] : []),
    );
  }
}
