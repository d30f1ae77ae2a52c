import { describe, expect, it } from 'vitest';
import { augmentPresets } from '../../../src/cli/augment-option.js';
import { PRESET_NAMES, presetSpec } from '../../../src/data/augment/presets.js';
import { planOf } from '../../../src/data/augment/plan.js';
import { readAugment } from '../../../src/data/augment/read.js';
import { resolveSpec } from '../../../src/data/augment/spec.js';
import { TRANSFORM_NAMES } from '../../../src/data/augment/transforms.js';
import { UserError } from '../../../src/util/errors.js';
import { useTemporaryFolder } from '../fixtures.js';

const folder = useTemporaryFolder();

function fault(given: unknown): string {
  try {
    resolveSpec(given);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  return expect.fail(`${JSON.stringify(given)} is taken`);
}

describe('resolveSpec', () => {
  it("fills in torchvision's defaults and brings ranges into one form", () => {
    expect(
      resolveSpec([
        'horizontal-flip',
        { affine: { degrees: 10, shear: 5 } },
        { affine: { degrees: [0, 30], shear: [-1, 2, 3, 4], translate: [0.1, 0.2], fill: 'reflect', p: 0.5 } },
        { 'resized-crop': null },
        { crop: { size: 40, padding: 4 } },
        { brightness: { factor: 0.2 } },
        { contrast: { factor: 1.5 } },
        { 'gaussian-blur': { 'kernel-size': 3 } },
        'gaussian-noise',
        'random-erasing',
        { cutmix: { alpha: 0.4, per: 'sample' } },
      ]),
    ).toEqual([
      { 'horizontal-flip': { p: 0.5 } },
      { affine: { degrees: [-10, 10], translate: [0, 0], scale: [1, 1], shear: [-5, 5, 0, 0], fill: 'zero', p: 1 } },
      {
        affine: {
          ...{ degrees: [0, 30], translate: [0.1, 0.2], scale: [1, 1], shear: [-1, 2, 3, 4] },
          ...{ fill: 'reflect', p: 0.5 },
        },
      },
      { 'resized-crop': { scale: [0.08, 1], ratio: [3 / 4, 4 / 3], p: 1 } },
      { crop: { size: [40, 40], padding: 4, 'padding-mode': 'zero', p: 1 } },
      { brightness: { factor: [0.8, 1.2], p: 1 } },
      { contrast: { factor: [0, 2.5], p: 1 } },
      { 'gaussian-blur': { 'kernel-size': [3, 3], sigma: [0.1, 2], p: 1 } },
      { 'gaussian-noise': { mean: 0, sigma: 0.1, clip: true, p: 1 } },
      { 'random-erasing': { scale: [0.02, 0.33], ratio: [0.3, 3.3], value: 0, p: 0.5 } },
      { cutmix: { alpha: 0.4, per: 'sample', p: 1 } },
    ]);
  });

  it('leaves a resolved spec as it is, through JSON too', () => {
    for (const name of PRESET_NAMES) {
      const spec = presetSpec(name);
      expect(resolveSpec(spec)).toEqual(spec);
      expect(resolveSpec(JSON.parse(JSON.stringify(spec)))).toEqual(spec);
    }
  });

  it.each([
    ['no list', { affine: {} }, 'give a list of transforms'],
    ['no transform', [3], 'entry 1: give one transform, such as {affine: {degrees: 10}}, not 3'],
    ['two in one', [{ affine: {}, 'ten-crop': {} }], 'entry 1: give one transform'],
    [
      'a misspelt transform',
      ['horizontl-flip'],
      'entry 1: there is no transform horizontl-flip; did you mean horizontal-flip?',
    ],
    [
      'a misspelt option',
      ['random-erasing', { affine: { degree: 3 } }],
      'entry 2 (affine): there is no option degree; did you mean degrees?',
    ],
    ['a probability above 1', [{ 'horizontal-flip': { p: 2 } }], 'entry 1 (horizontal-flip): p: '],
    [
      'a range upside down',
      [{ affine: { scale: [2, 1] } }],
      'scale: the first number is above the second (given: [2,1])',
    ],
    [
      'a needed option that is missing',
      [{ brightness: {} }],
      'entry 1 (brightness): factor: give a number of 0 or more, or [lowest, highest] (it is missing)',
    ],
    ['an even kernel', [{ 'gaussian-blur': { 'kernel-size': 4 } }], 'kernel-size: sizes are odd'],
    [
      'a right angle of shear',
      [{ affine: { shear: 90 } }],
      'entry 1 (affine): shear: Too big: expected number to be <90 (given: 90)',
    ],
    ['a word for a fill', [{ affine: { fill: 'black' } }], 'fill: '],
    ['a senseless alpha', [{ mixup: { alpha: 0 } }], 'entry 1 (mixup): alpha: '],
    [
      'a wrong value',
      [{ 'random-erasing': { value: 'noise' } }],
      'value: give a number from 0 to 1, mean or random (given: "noise")',
    ],
    ['something after a mix', ['mixup', 'horizontal-flip'], 'entry 2 (horizontal-flip) comes after mixup'],
    ['the same mix twice', ['mixup', 'mixup'], 'mixup stands in it more than once'],
    ['crops of crops', [{ 'ten-crop': { size: 40 } }, { 'five-crop': { size: 30, at: 'test' } }], 'are both for test'],
    [
      'mixed crops',
      [{ 'ten-crop': { size: 40 } }, 'cutmix'],
      'cutmix would mix the crops of one image; give ten-crop the option at: test',
    ],
    [
      'what is done at packing',
      ['horizontal-flip', 'equalize'],
      'entry 2: equalize is no transform: it is done once, when images are packed; give --equalize instead',
    ],
    ['it under another name', [{ 'histogram-equalisation': { p: 0.5 } }], 'give --equalize instead'],
    ['too many', new Array<string>(61).fill('horizontal-flip'), 'at most 60 entries'],
  ])('refuses %s', (_what, given, text) => {
    expect(fault(given)).toContain(text);
  });

  it('tells every fault at once, with its place', () => {
    const message = fault([{ affine: { degrees: -1, fil: 'zero' } }, 'mixxup']);
    expect(message.split('\n')).toHaveLength(4);
    expect(message).toContain('did you mean fill?');
    expect(message).toContain('entry 2: there is no transform mixxup; did you mean mixup?');
  });

  it('knows what is listed', () => {
    expect(fault(['x'])).toContain(TRANSFORM_NAMES.join(', '));
    expect([...augmentPresets]).toEqual(PRESET_NAMES);
  });
});

describe('readAugment', () => {
  it('takes a preset, YAML and JSON, and files of them', async () => {
    const flip = [{ 'horizontal-flip': { p: 0.25 } }];
    expect(await readAugment('system-b')).toEqual(presetSpec('system-b'));
    expect(await readAugment('[{horizontal-flip: {p: 0.25}}]')).toEqual(flip);
    expect(await readAugment('[{"horizontal-flip": {"p": 0.25}}]')).toEqual(flip);
    expect(await readAugment(await folder.write('a.yaml', '- horizontal-flip:\n    p: 0.25\n'))).toEqual(flip);
    expect(await readAugment(await folder.write('b.yml', 'augment:\n  - horizontal-flip: {p: 0.25}\n'))).toEqual(flip);
    expect(await readAugment(await folder.write('c.json', '[{"horizontal-flip": {"p": 0.25}}]'))).toEqual(flip);
  });

  it('says what is wrong with the rest', async () => {
    await expect(readAugment('system-f')).rejects.toThrow('--augment system-f: did you mean system-');
    await expect(readAugment('none.yaml')).rejects.toThrow('--augment none.yaml cannot be read: ENOENT');
    await expect(readAugment('[{')).rejects.toThrow('--augment is neither YAML nor JSON');
    const file = await folder.write('bad.yaml', '- affine: {degres: 3}\n');
    await expect(readAugment(file)).rejects.toThrow(`${file}:\n  entry 1 (affine): there is no option degres`);
    await expect(readAugment(await folder.write('empty.yaml', ''))).rejects.toThrow('give a list of transforms');
  });
});

describe('planOf', () => {
  const size = { height: 48, width: 48 };
  const plan = (given: unknown[], phase: 'train' | 'test' = 'train', of = size) =>
    planOf(resolveSpec(given), phase, of);
  const kinds = (given: unknown[]) => plan(given).passes.map(pass => pass.kind);

  it('does as much as it can in one launch, and keeps the order', () => {
    expect(
      plan([
        'horizontal-flip',
        { affine: {} },
        { brightness: { factor: 1 } },
        { contrast: { factor: 1 } },
        'gaussian-noise',
        'random-erasing',
        'central-black-block',
      ]).passes,
    ).toMatchObject([{ kind: 'images', stages: 1, boxCount: 2, views: 1 }]);
    expect(kinds([{ contrast: { factor: 1 } }, { brightness: { factor: 1 } }])).toEqual(['images', 'images']);
    expect(kinds([{ brightness: { factor: 1 } }, { brightness: { factor: 1 } }])).toEqual(['images', 'images']);
    expect(kinds(['random-erasing', 'horizontal-flip', { affine: {} }])).toEqual(['images', 'images']);
    expect(kinds(['horizontal-flip', { 'gaussian-blur': { 'kernel-size': 3 } }, 'random-erasing'])).toEqual([
      'images',
      'blur',
      'images',
    ]);
    expect(kinds([{ 'gaussian-blur': { 'kernel-size': 3 } }])).toEqual(['blur']);
    expect(plan(['random-black-blocks', { 'random-black-blocks': { count: 5 } }]).passes).toMatchObject([
      { boxCount: 8 },
    ]);
    expect(plan([{ affine: {} }, { 'resized-crop': {} }, { crop: { padding: 2 } }]).passes).toMatchObject([
      { stages: 3 },
    ]);
  });

  it('takes from it for tests what is not random, in the sizes of training', () => {
    const sizes = ({ output: { height, width } }: ReturnType<typeof plan>) => [height, width];
    const crop = [
      { 'resized-crop': { size: 60 } },
      'horizontal-flip',
      { crop: { size: [40, 44] } },
      'random-erasing',
      'mixup',
    ];
    expect(plan(crop, 'test').passes).toMatchObject([
      { geometry: [{ name: 'resize' }, { name: 'center-crop' }], boxes: [] },
    ]);
    expect(plan(crop, 'test')).toMatchObject({ views: 1, mixes: [], idle: false });
    expect(sizes(plan(crop, 'test'))).toEqual(sizes(plan(crop)));
    expect(plan([...crop.slice(0, 3), { 'ten-crop': { size: 40, at: 'test' } }], 'test')).toMatchObject({
      views: 10,
      average: 'softmax',
    });
    expect(plan([{ 'five-crop': { size: 40, average: 'logits' } }], 'test')).toMatchObject({
      views: 5,
      average: 'logits',
    });
    expect(plan([{ 'five-crop': { size: 40, at: 'train' } }], 'test').passes).toMatchObject([
      { geometry: [{ name: 'center-crop' }] },
    ]);
    expect(plan([{ 'five-crop': { size: 40, at: 'test' } }], 'train')).toMatchObject({ idle: true, views: 1 });
    expect(plan(['horizontal-flip', { 'resized-crop': {} }, { crop: { padding: 4 } }], 'test').idle).toBe(true);
    expect(plan(['mixup']).idle).toBe(false);
  });

  it('refuses what does not fit', () => {
    expect(() => plan([{ crop: { size: 60, padding: 5 } }])).toThrow(
      'entry 1 (crop): no crop of 60x60 fits into images of 48x48 with a padding of 5',
    );
    expect(() => plan(['horizontal-flip', { 'ten-crop': { size: [48, 49] } }])).toThrow(
      'entry 2 (ten-crop): no crop of 49x48',
    );
    expect(() =>
      plan([{ crop: { padding: 8, 'padding-mode': 'reflect' } }], 'train', { height: 8, width: 20 }),
    ).toThrow('too few pixels to be mirrored');
    expect(() => plan([{ 'gaussian-blur': { 'kernel-size': 31 } }], 'train', { height: 15, width: 40 })).toThrow(
      'kernel of 31x31',
    );
  });
});
