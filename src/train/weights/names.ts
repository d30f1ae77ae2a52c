/**
 * Names that other libraries give to the layers of our networks. Ours are torchvision's; timm names resnet18 alike, and
 * MobileNetV2 and EfficientNet-B0 by what a layer does (https://github.com/huggingface/pytorch-image-models,
 * timm/models/_efficientnet_blocks.py). timm has no ShuffleNetV2.
 */

/** A name of timm's and ours, each without the last part (`weight`, `running_mean`). */
type Pair = readonly [theirs: string, ours: string];

/** Blocks of each stage. */
const MOBILENET_V2 = [1, 2, 3, 4, 3, 3, 1];
const EFFICIENTNET_B0 = [1, 2, 2, 3, 3, 4, 1];

/** timm's names of layers with ours, in the same order. A block of the first stage has no convolution that expands. */
const paired = (names: readonly string[], ours: readonly string[]): Pair[] => names.map((name, i) => [name, ours[i]!]);

const inverted = {
  first: paired(['conv_dw', 'bn1', 'conv_pw', 'bn2'], ['0.0', '0.1', '1', '2']),
  other: paired(['conv_pw', 'bn1', 'conv_dw', 'bn2', 'conv_pwl', 'bn3'], ['0.0', '0.1', '1.0', '1.1', '2', '3']),
};

const squeezed = {
  first: paired(
    ['conv_dw', 'bn1', 'se.conv_reduce', 'se.conv_expand', 'conv_pw', 'bn2'],
    ['0.0', '0.1', '1.fc1', '1.fc2', '2.0', '2.1'],
  ),
  other: paired(
    ['conv_pw', 'bn1', 'conv_dw', 'bn2', 'se.conv_reduce', 'se.conv_expand', 'conv_pwl', 'bn3'],
    ['0.0', '0.1', '1.0', '1.1', '2.fc1', '2.fc2', '3.0', '3.1'],
  ),
};

/** Stem and head around the blocks; `last` is the number of the head in our `features`. */
const around = (last: number): Pair[] => [
  ['conv_stem', 'features.0.0'],
  ['bn1', 'features.0.1'],
  ['conv_head', `features.${last}.0`],
  ['bn2', `features.${last}.1`],
  [CLASSIFIER, 'classifier.1'],
];

const CLASSIFIER = 'classifier';

function blocks(
  stages: readonly number[],
  layers: typeof inverted,
  place: (stage: number, block: number, before: number) => string,
): Pair[] {
  let before = 0;
  return stages.flatMap((count, stage) => {
    const pairs = Array.from({ length: count }, (_, block) =>
      (stage === 0 ? layers.first : layers.other).map(([theirs, ours]): Pair => [
        `blocks.${stage}.${block}.${theirs}`,
        `${place(stage, block, before + block)}.${ours}`,
      ]),
    );
    before += count;
    return pairs.flat();
  });
}

const namings: readonly ReadonlyMap<string, string>[] = [
  // torchvision numbers MobileNetV2's blocks through, and EfficientNet's within their stage.
  new Map([...around(18), ...blocks(MOBILENET_V2, inverted, (_, __, n) => `features.${n + 1}.conv`)]),
  new Map([
    ...around(8),
    ...blocks(EFFICIENTNET_B0, squeezed, (stage, block) => `features.${stage + 1}.${block}.block`),
  ]),
];

/**
 * The entries under our names, in the same order, where all of them are timm's of one of our networks, with a classifier
 * or without; else as they are.
 */
export function canonicalNames<T>(state: ReadonlyMap<string, T>): ReadonlyMap<string, T> {
  const layers = new Set([...state.keys()].map(name => splitName(name)[0]));
  const naming = namings.find(
    map =>
      [...layers].every(layer => map.has(layer)) &&
      [...map.keys()].every(layer => layer === CLASSIFIER || layers.has(layer)),
  );
  if (!naming) return state;
  return new Map(
    [...state].map(([name, value]) => {
      const [layer, entry] = splitName(name);
      return [`${naming.get(layer)!}.${entry}`, value];
    }),
  );
}

/** The layer's name, and the last part. */
function splitName(name: string): [layer: string, entry: string] {
  const dot = name.lastIndexOf('.');
  return [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
}
