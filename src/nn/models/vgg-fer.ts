import type { Tensor } from '../../tensor/index.js';
import { Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { convBNReLU } from './conv-bn-relu.js';
import { defineModel, type Settings } from './definition.js';

/**
 * Four stages of two 3x3 convolutions (64, 128, 256, 512) with batch normalisation, each ended by a max pool, two hidden
 * layers of 4096 with dropout, on crops of 40x40 (Khaireddin and Chen, "Facial Emotion Recognition: State of the Art
 * Performance on FER2013", 2021).
 */
export class VGGFER extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ classes, channels, side, dropout }: Settings & { dropout: number }) {
    super();
    const stage = (inChannels: number, outChannels: number) => [
      ...[...convBNReLU(inChannels, outChannels), ...convBNReLU(outChannels, outChannels)],
      new MaxPool2d(2, 2),
    ];
    this.features = new Sequential(...stage(channels, 64), ...stage(64, 128), ...stage(128, 256), ...stage(256, 512));
    this.classifier = new Sequential(
      ...[new Flatten(), new Linear(512 * side * side, 4096), new ReLU(), new Dropout(dropout)],
      ...[new Linear(4096, 4096), new ReLU(), new Dropout(dropout)],
      new Linear(4096, classes),
    );
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

export const vggFER = defineModel('vgg-fer', {
  description: 'VGG of four stages with batch normalisation, on 40x40 crops',
  channels: 1,
  size: 40,
  classes: 7,
  extras: { dropout: 0.2 },
  side: size => Math.floor(size / 16),
  build: settings => new VGGFER(settings),
});
