import * as z from 'zod';

/**
 * The transforms of an augmentation, their options and defaults. Names, meanings and defaults are torchvision's where it
 * has the transform (docs/augmentation.md names them); what it leaves without a default has none here. After parsing,
 * every option is there in one form: ranges as [low, high], sizes as [height, width].
 */

const probability = (value: number) => z.number().min(0).max(1).default(value);

const ascending = ([low, high]: readonly [number, number]) => low <= high;
const ORDER = 'the first number is above the second';

const range = (least: z.ZodNumber) => z.tuple([least, least]).refine(ascending, ORDER);
const positive = z.number().positive();
const finite = z.number();

const size = z.union([z.int().positive(), z.tuple([z.int().positive(), z.int().positive()])], {
  error: 'give a size, or [height, width], in whole pixels',
});
const sides = size.transform((given): [number, number] => (typeof given === 'number' ? [given, given] : given));

/** A factor's range: b stands for 1 − b to 1 + b, as in torchvision.transforms.ColorJitter. */
const factor = z
  .union([z.number().nonnegative(), range(z.number().nonnegative())], {
    error: 'give a number of 0 or more, or [lowest, highest]',
  })
  .transform((given): [number, number] => (typeof given === 'number' ? [Math.max(0, 1 - given), 1 + given] : given));

/** Degrees: d stands for −d to d. */
const angles = z
  .union([z.number().nonnegative(), range(finite)], { error: 'give degrees of 0 or more, or [lowest, highest]' })
  .transform((given): [number, number] => (typeof given === 'number' ? [0 - given, given] : given));

const below90 = z.number().gt(-90).lt(90);
/** Of x, and of y where four are given: a single number is that of x alone, as in torchvision.transforms.RandomAffine. */
const shear = z
  .union([z.number().nonnegative().lt(90), range(below90), z.tuple([below90, below90, below90, below90])], {
    error: 'give degrees below 90, [lowest, highest], or [lowest x, highest x, lowest y, highest y]',
  })
  .transform((given): [number, number, number, number] =>
    typeof given === 'number' ? [0 - given, given, 0, 0] : given.length === 2 ? [...given, 0, 0] : given,
  )
  .refine(given => given[0] <= given[1] && given[2] <= given[3], ORDER);

const fill = z.enum(['zero', 'edge', 'reflect']).default('zero');
const part = z.number().min(0).max(1);

const crops = {
  size: sides,
  /** In training, all crops become samples of their own; at test time the network's answers to them are averaged. */
  at: z.enum(['train', 'test', 'both']).default('both'),
  average: z.enum(['softmax', 'logits']).default('softmax'),
};

const mixing = {
  alpha: z.number().positive().default(1),
  /** Whether all samples of a batch share one λ and box. */
  per: z.enum(['batch', 'sample']).default('batch'),
  p: probability(1),
};

export const transformSchemas = {
  'horizontal-flip': z.strictObject({ p: probability(0.5) }),
  affine: z.strictObject({
    degrees: angles.prefault(0),
    /** Parts of the width and of the height. */
    translate: z.tuple([part, part]).default([0, 0]),
    scale: range(positive).default([1, 1]),
    shear: shear.prefault(0),
    fill,
    p: probability(1),
  }),
  'resized-crop': z.strictObject({
    size: sides.exactOptional(),
    /** Of the image's area. */
    scale: range(positive).default([0.08, 1]),
    /** Width over height. */
    ratio: range(positive).default([3 / 4, 4 / 3]),
    p: probability(1),
  }),
  crop: z.strictObject({
    size: sides.exactOptional(),
    padding: z.int().nonnegative().default(0),
    'padding-mode': fill,
    p: probability(1),
  }),
  'center-crop': z.strictObject({ size: sides }),
  resize: z.strictObject({ size: sides }),
  'five-crop': z.strictObject(crops),
  'ten-crop': z.strictObject(crops),
  brightness: z.strictObject({ factor, p: probability(1) }),
  contrast: z.strictObject({ factor, p: probability(1) }),
  'gaussian-blur': z.strictObject({
    'kernel-size': sides.refine(
      given => given.every(side => side % 2 === 1 && side <= 31),
      'sizes are odd and at most 31',
    ),
    sigma: z
      .union([positive, range(positive)], { error: 'give a number above 0, or [lowest, highest]' })
      .transform((given): [number, number] => (typeof given === 'number' ? [given, given] : given))
      .prefault([0.1, 2]),
    p: probability(1),
  }),
  'gaussian-noise': z.strictObject({
    mean: finite.default(0),
    sigma: z.number().nonnegative().default(0.1),
    clip: z.boolean().default(true),
    p: probability(1),
  }),
  'random-erasing': z.strictObject({
    scale: range(part).default([0.02, 0.33]),
    ratio: range(positive).default([0.3, 3.3]),
    value: z
      .union([part, z.enum(['mean', 'random'])], { error: 'give a number from 0 to 1, mean or random' })
      .default(0),
    p: probability(0.5),
  }),
  'random-black-blocks': z.strictObject({
    count: z.int().min(1).max(16).default(3),
    /** Of each side of the image. */
    size: range(part).default([0.1, 0.2]),
    p: probability(0.5),
  }),
  'central-black-block': z.strictObject({
    /** Of each side of the image. */
    size: part.default(0.25),
    p: probability(0.5),
  }),
  mixup: z.strictObject(mixing),
  cutmix: z.strictObject(mixing),
} as const;

export type TransformName = keyof typeof transformSchemas;

export const TRANSFORM_NAMES = Object.keys(transformSchemas) as TransformName[];

/** The options of a transform, all of them present. */
export type TransformOptions<K extends TransformName> = z.infer<(typeof transformSchemas)[K]>;

/** A transform with its options, and its place in the spec. */
export type Step<K extends TransformName = TransformName> = {
  [P in K]: { readonly name: P; readonly index: number; readonly options: TransformOptions<P> };
}[K];

/** How a spec is stored: each entry an object with one key. */
export type AugmentEntry = { [K in TransformName]: Readonly<Record<K, TransformOptions<K>>> }[TransformName];

/** An augmentation: transforms in the order in which they are applied, with all their options. */
export type AugmentSpec = readonly AugmentEntry[];

/** The entries of a spec with their names and places. */
export function stepsOf(spec: AugmentSpec): Step[] {
  return spec.map((entry, index) => {
    const [name, options] = Object.entries(entry)[0] as [string, unknown];
    return { name, index, options } as Step;
  });
}
