import { BatchNorm2d, Conv2d, ReLU } from '../layers/index.js';
import type { Module } from '../module.js';

/** 3x3 convolution with bias, batch normalisation and relu, as layers of a Sequential. */
export function convBNReLU(inChannels: number, outChannels: number): Module[] {
  return [new Conv2d(inChannels, outChannels, 3, { padding: 1 }), new BatchNorm2d(outChannels), new ReLU()];
}
