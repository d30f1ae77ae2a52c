import { chunk, concat } from '../../kernels/concat.js';
import { channelShuffle } from '../../kernels/channel_shuffle.js';
import type { Tensor } from '../../tensor/index.js';
import { BatchNorm2d, Conv2d, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';

const depthwise = (channels: number, stride: number): Module[] => [
  new Conv2d(channels, channels, 3, { stride, padding: 1, groups: channels, bias: false }),
  new BatchNorm2d(channels),
];

const pointwise = (inChannels: number, outChannels: number): Module[] => [
  new Conv2d(inChannels, outChannels, 1, { bias: false }),
  new BatchNorm2d(outChannels),
  new ReLU(),
];

/**
 * ShuffleNetV2's unit: one half of the channels passes through `branch2` (1x1, 3x3 depthwise, 1x1 convolutions), the other
 * half stays; at stride 2 both branches take all channels, and `branch1` halves the size as well. The halves are
 * concatenated and shuffled (torchvision's shufflenetv2.InvertedResidual; Ma et al., "ShuffleNet V2", 2018).
 */
export class ShuffleUnit extends Module {
  /** What the first half of the channels goes through: nothing, where the stride is 1. */
  readonly branch1: Sequential;
  /** What the other half goes through: 1×1, depthwise 3×3, 1×1. */
  readonly branch2: Sequential;
  readonly #split: boolean;

  constructor(inChannels: number, outChannels: number, stride: 1 | 2) {
    super();
    const half = outChannels / 2;
    this.#split = stride === 1;
    this.branch1 = this.#split
      ? new Sequential()
      : new Sequential(...depthwise(inChannels, stride), ...pointwise(inChannels, half));
    this.branch2 = new Sequential(
      ...pointwise(this.#split ? half : inChannels, half),
      ...depthwise(half, stride),
      ...pointwise(half, half),
    );
  }

  protected compute(x: Tensor): Tensor {
    const [left, right] = this.#split ? (chunk(x, 2, 1) as [Tensor, Tensor]) : [x, x];
    return channelShuffle(concat([this.branch1.forward(left), this.branch2.forward(right)], 1), 2);
  }
}
