import { MaxPool2d } from '../layers/index.js';
import { defineModel } from './definition.js';
import { ResNet18, wideStem } from './resnet.js';

/** torchvision.models.resnet18. */
export const resNet18 = defineModel('resnet18', {
  description: "torchvision's ResNet-18",
  channels: 3,
  size: 224,
  classes: 7,
  extras: { se: false },
  build: settings =>
    new ResNet18({ conv1: wideStem(settings.channels), kaiming: true, maxpool: new MaxPool2d(3, 2, 1) }, settings),
});
