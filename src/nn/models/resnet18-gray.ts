import { MaxPool2d } from '../layers/index.js';
import { defineModel } from './definition.js';
import { ResNet18, wideStem } from './resnet.js';

/** torchvision's resnet18 whose first convolution and head were replaced, for grey images: both have PyTorch's defaults. */
export const resNet18Gray = defineModel('resnet18-gray', {
  description: 'ResNet-18 with a one-channel 7x7 stem, for FER+',
  channels: 1,
  size: 48,
  classes: 10,
  extras: { se: false },
  build: settings =>
    new ResNet18({ conv1: wideStem(settings.channels), kaiming: false, maxpool: new MaxPool2d(3, 2, 1) }, settings),
});
