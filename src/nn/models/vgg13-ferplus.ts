import type { Tensor } from '../../tensor/index.js';
import { Conv2d, Dropout, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../layers/index.js';
import { Module } from '../module.js';
import { defineModel, type Settings } from './definition.js';

/** Channels of each stage, and how many convolutions it has. */
const STAGES = [
  [64, 2],
  [128, 2],
  [256, 3],
  [256, 3],
] as const;

/**
 * The FER+ paper's variant of VGG13: ten 3x3 convolutions in four stages, each ended by a max pool and dropout 0.25, two
 * hidden layers of 1024 with dropout (Barsoum et al., "Training Deep Networks for Facial Expression Recognition with
 * Crowd-Sourced Label Distribution", 2016).
 */
export class VGG13FERPlus extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor({ classes, channels, side, dropout }: Settings & { dropout: number }) {
    super();
    const layers: Module[] = [];
    let inChannels = channels;
    for (const [outChannels, convolutions] of STAGES) {
      for (let i = 0; i < convolutions; i++) {
        layers.push(new Conv2d(inChannels, outChannels, 3, { padding: 1 }), new ReLU());
        inChannels = outChannels;
      }
      layers.push(new MaxPool2d(2, 2), new Dropout(0.25));
    }
    this.features = new Sequential(...layers);
    this.classifier = new Sequential(
      ...[new Flatten(), new Linear(inChannels * side * side, 1024), new ReLU(), new Dropout(dropout)],
      ...[new Linear(1024, 1024), new ReLU(), new Dropout(dropout)],
      new Linear(1024, classes),
    );
  }

  /** x (N,channels,size,size) to logits (N,classes). */
  protected compute(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}

export const vgg13FERPlus = defineModel('vgg13-ferplus', {
  description: "the FER+ paper's VGG13, without batch normalisation",
  channels: 1,
  size: 64,
  classes: 8,
  extras: { dropout: 0.5 },
  side: size => Math.floor(size / 16),
  build: settings => new VGG13FERPlus(settings),
});
