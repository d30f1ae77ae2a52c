import { defineModel } from './definition.js';
import { narrowStem, ResNet18 } from './resnet.js';

/** resnet18 for small faces: a 3x3 first convolution of stride 1 and no max pool, so that 48x48 ends at 6x6. */
export const resNet18FER = defineModel('resnet18-fer', {
  description: 'ResNet-18 with a 3x3 stride-1 stem and no pool, for small faces',
  channels: 1,
  size: 48,
  classes: 7,
  extras: { se: false },
  build: settings => new ResNet18(narrowStem(settings.channels), settings),
});
