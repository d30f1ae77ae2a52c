import type { ModelDefinition } from './definition.js';
import { efficientNetB0 } from './efficientnet-b0.js';
import { ferPlusCNNSmall } from './ferplus-cnn-small.js';
import { ferPlusCNN } from './ferplus-cnn.js';
import { gapCNN } from './gap-cnn.js';
import { improvedCNN } from './improved-cnn.js';
import { improvedMLP } from './improved-mlp.js';
import { miniResNet } from './mini-resnet.js';
import { mobileNetV2 } from './mobilenet-v2.js';
import { resEmotionCNN } from './res-emotion-cnn.js';
import { resNet18FER } from './resnet18-fer.js';
import { resNet18Gray } from './resnet18-gray.js';
import { resNet18 } from './resnet18.js';
import { shuffleNetV2 } from './shufflenet-v2.js';
import { simpleCNN } from './simple-cnn.js';
import { simpleMLP } from './simple-mlp.js';
import { vggFER } from './vgg-fer.js';
import { vgg13FERPlus } from './vgg13-ferplus.js';

/** Every architecture, in the order in which they are listed. */
const models: readonly ModelDefinition[] = [
  simpleMLP,
  improvedMLP,
  simpleCNN,
  improvedCNN,
  gapCNN,
  miniResNet,
  resEmotionCNN,
  ferPlusCNN,
  ferPlusCNNSmall,
  vgg13FERPlus,
  vggFER,
  resNet18,
  resNet18Gray,
  resNet18FER,
  mobileNetV2,
  shuffleNetV2,
  efficientNetB0,
];

/** Every architecture by the name that the command line takes. */
export const modelRegistry: Readonly<Record<string, ModelDefinition>> = Object.fromEntries(
  models.map(model => [model.name, model]),
);
