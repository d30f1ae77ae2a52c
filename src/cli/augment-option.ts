import { Option } from 'commander';

// Names of src/data/augment/presets.ts, which is not loaded for a help text; a test compares them.
export const augmentPresets = ['system-a', 'system-b', 'system-c', 'system-d', 'system-e', 'vgg-fer'] as const;

/** `--augment`, which `readAugment` (src/data/augment/read.ts) understands. */
export function augmentOption(what: string): Option {
  return new Option(
    '--augment <spec>',
    `${what}: ${augmentPresets.join(', ')}, a list as YAML or JSON, or a .yaml or .json file that holds one`,
  );
}
