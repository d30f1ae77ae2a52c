import { resolveSpec } from './spec.js';
import type { AugmentSpec } from './transforms.js';

/**
 * Augmentations by name. What their authors published is in docs/augmentation.md, with what is assumed here because they did
 * not.
 */
const presets = {
  'system-a': [{ 'horizontal-flip': {} }, { affine: { degrees: 10, translate: [0.1, 0.1] } }],
  'system-b': [
    { 'horizontal-flip': {} },
    { affine: { degrees: 15, translate: [0.1, 0.1], scale: [0.9, 1.1], shear: 10, fill: 'edge' } },
    { brightness: { factor: 0.2 } },
    { contrast: { factor: 0.2 } },
    { 'gaussian-noise': { sigma: 0.03, p: 0.5 } },
    { 'random-erasing': {} },
  ],
  'system-c': [
    { 'horizontal-flip': {} },
    { affine: { degrees: 10, translate: [0.1, 0.1] } },
    { 'random-black-blocks': {} },
    { 'central-black-block': { p: 0.1 } },
  ],
  'system-d': [
    { 'resized-crop': { scale: [0.8, 1] } },
    { 'horizontal-flip': {} },
    { affine: { degrees: 10 } },
    { brightness: { factor: 0.2 } },
    { contrast: { factor: 0.2 } },
  ],
  'system-e': [
    { 'horizontal-flip': {} },
    { affine: { degrees: 10, translate: [0.05, 0.05], scale: [0.9, 1.1] } },
    { brightness: { factor: 0.2 } },
    { contrast: { factor: 0.2 } },
    { mixup: { alpha: 0.2 } },
  ],
  'vgg-fer': [
    { 'resized-crop': { scale: [0.8, 1.2] } },
    { affine: { translate: [0.2, 0.2], p: 0.5 } },
    { 'horizontal-flip': {} },
    { affine: { degrees: 10, p: 0.5 } },
    { 'ten-crop': { size: 40 } },
    { 'random-erasing': {} },
  ],
} as const;

export const PRESET_NAMES = Object.keys(presets);

/** The spec of a preset; undefined for another name. */
export function presetSpec(name: string): AugmentSpec | undefined {
  const found = Object.entries(presets).find(([preset]) => preset === name);
  return found && resolveSpec(found[1], name);
}
