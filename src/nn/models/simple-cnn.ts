import type { Tensor } from '../../tensor/index.js';
import { Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential } from '../layers.js';
import { Module } from '../module.js';

function block(inChannels: number, outChannels: number): Module[] {
  return [new Conv2d(inChannels, outChannels, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2, 2)];
}

/** Three 3x3 convolutions (16, 32, 64), each with relu and 2x2 max pool, then 128 hidden units. */
export class SimpleCNN extends Module {
  readonly features: Sequential;
  readonly classifier: Sequential;

  constructor(classes: number) {
    super();
    this.features = new Sequential(...block(1, 16), ...block(16, 32), ...block(32, 64));
    this.classifier = new Sequential(new Flatten(), new Linear(64 * 6 * 6, 128), new ReLU(), new Linear(128, classes));
  }

  /** x (N,1,48,48) to logits (N,classes). */
  forward(x: Tensor): Tensor {
    return this.classifier.forward(this.features.forward(x));
  }
}
