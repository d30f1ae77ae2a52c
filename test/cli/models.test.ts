import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { modelRegistry } from '../../src/nn/index.js';
import { costCsv, costTable } from '../../src/cli/report/cost.js';
import { csv, row, useTemporaryFolder } from '../data/fixtures.js';
import { facegrad, jsonLines } from './facegrad.js';

const folder = useTemporaryFolder();

// Without a driver: models are looked at, not run.
const models = (...args: string[]) => facegrad(['models', ...args], { env: { VK_DRIVER_FILES: '/none' } });

const pyTorch = JSON.parse(readFileSync(new URL('../nn/pytorch-models.json', import.meta.url), 'utf8')) as Record<
  string,
  { parameters: number; macs: number }
>;

describe('facegrad models', () => {
  it("lists every model with PyTorch's parameters and multiply-accumulates", async () => {
    const { code, stdout } = await models('--json');
    expect(code).toBe(0);
    const [list] = jsonLines(stdout) as unknown as [Record<string, unknown>[]];
    expect(list.map(({ name }) => name)).toEqual(Object.keys(modelRegistry));
    for (const { name, parameters, trainable, macs } of list) {
      const expected = pyTorch[name as string]!;
      expect({ name, parameters, trainable, macs }).toEqual({
        ...{ name, parameters: expected.parameters, trainable: expected.parameters, macs: expected.macs },
      });
    }
  });

  it('prints a table of at most 110 columns', async () => {
    const { stdout } = await models();
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^model +input +parameters +MACs +description$/);
    expect(stdout).toMatch(/^mobilenet-v2 +3x224x224 +2,232,839 +299,503,232 /m);
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(110);
  });

  it('takes another size and another number of classes', async () => {
    const { stdout } = await models('simple-cnn', '--input-size', '16', '--classes', '3', '--json');
    const [model] = jsonLines(stdout);
    // Two pixels each way are left of 16; convolutions at 16², 8² and 4².
    const macs = 16 ** 2 * 16 * 9 + 8 ** 2 * 32 * 16 * 9 + 4 ** 2 * 64 * 32 * 9 + 256 * 128 + 128 * 3;
    expect(model).toMatchObject({ input: [1, 16, 16], classes: 3, macs });
    const layers = model!.layers as Record<string, unknown>[];
    expect(layers.find(({ name }) => name === 'classifier.3')).toEqual({
      ...{ name: 'classifier.3', type: 'Linear', depth: 2, outputShape: [3], parameters: 387, trainable: 387 },
      ...{ macs: 384, activationBytes: 12 },
    });
  });

  it('compares what networks cost', async () => {
    const { stdout } = await models('--cost', 'mini-resnet', 'resnet18');
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^model +input +classes +parameters +MACs +activations +checkpoint$/);
    expect(lines[1]).toMatch(/^mini-resnet +1x48x48 +7 +696,743 +60,236,672 +[\d.]+ MiB +2\.7 MiB$/);
    expect(lines).toHaveLength(3);
    const csv = await models('--cost', '--csv', '--classes', '3', '--input-size', '32');
    const [head, ...rows] = csv.stdout.trimEnd().split('\n');
    expect(head).toMatch(/^model,input,classes,parameters,macs,activation_bytes,checkpoint_bytes,/);
    expect(rows).toHaveLength(Object.keys(modelRegistry).length);
    expect(rows[0]).toMatch(/^simple-mlp,1x32x32,3,\d+,\d+,\d+,\d+,,,,,$/);
  });

  it('builds networks for the classes and channels of data', async () => {
    const path = await folder.write('fer2013.csv', csv([row(0, 1), row(1, 2), row(2, 3, 'PublicTest')]));
    const { stdout } = await models('--cost', 'ferplus-cnn-small', '--json', '--data', path);
    expect(jsonLines(stdout)[0]).toEqual([expect.objectContaining({ model: 'ferplus-cnn-small', classes: 7 })]);
  });

  it('lists the layers of one', async () => {
    const { stdout } = await models('mini-resnet');
    expect(stdout).toMatch(/^mini-resnet: .*\ninput 1x48x48, 7 classes, one image\n\nlayer +output +parameters/);
    expect(stdout).toMatch(/^ {4}1 BatchNorm2d +32x48x48 +64 +64 +- +288 KiB$/m);
    expect(stdout).toMatch(/^ {6}downsample ConvNormActivation +32x24x24 +- +- +- +-$/m);
    expect(stdout).toMatch(/^total +696,743 +696,743 +60,236,672 +[\d.]+ MiB\n$/m);
  });

  it.each([
    ['a model that is not there', ['mobilenet'], "no model is called 'mobilenet': did you mean mobilenet-v2?"],
    ['an input too small for the pools', ['vgg-fer', '--input-size', '15'], 'it takes 16x16 or more'],
    ['no size', ['--input-size', '0'], 'Give a whole number from 1 to 16384.'],
    ['one class', ['--classes', '1'], 'Give a whole number from 2'],
    ['layers of two', ['simple-cnn', 'simple-mlp'], 'layers are listed of one model at a time'],
    ['figures of cost without it', ['--measure'], '--measure is of --cost'],
    ['a batch that is not measured', ['--cost', '--batch-size', '8'], '--batch-size is of --measure'],
    ['two forms at once', ['--cost', '--json', '--csv'], 'choose one'],
    ['the cost of a model that is not there', ['--cost', 'resnet'], "no model is called 'resnet'"],
  ])('refuses %s', async (_, args, text) => {
    const { code, stdout, stderr } = await models(...args);
    expect(stderr).toContain(text);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});

it('the cost table has speeds where they were measured, and says on what', () => {
  const cost = {
    ...{ model: 'm', input: [1, 8, 8] as const, classes: 2, parameters: 1234, macs: 56_789 },
    ...{ activationBytes: 2048, checkpointBytes: 5000 },
  };
  const speed = { adapter: 'a GPU', batchSize: 32, training: 123.456, inference: 1000.4 };
  expect(costTable([{ ...cost, speed, secondsPerEpoch: 7.25 }])).toEqual([
    'model  input  classes  parameters    MACs  activations  checkpoint  train img/s  infer img/s  s/epoch',
    'm      1x8x8        2       1,234  56,789        2 KiB     4.9 KiB          123        1,000      7.3',
    '',
    'measured on a GPU, 32 images at a time',
  ]);
  const [, line] = costCsv([{ ...cost, speed, secondsPerEpoch: 7.25 }]).split('\n');
  expect(line).toBe('m,1x8x8,2,1234,56789,2048,5000,123.456,1000.4,7.25,a GPU,32');
});
