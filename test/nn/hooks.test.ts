import { beforeAll, describe, expect, it } from 'vitest';
import { relu, sum } from '../../src/kernels/index.js';
import {
  BasicBlock,
  BatchNorm2d,
  Conv2d,
  InvertedResidual,
  Linear,
  MBConv,
  modelRegistry,
  ReLU,
  Sequential,
  type Module,
} from '../../src/nn/index.js';
import { backward, manualSeed, noGrad, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { expectClose } from '../kernels/check.js';
import { paths } from '../devices.js';
import { tensor } from '../reference/index.js';
import { UserError } from '../../src/util/errors.js';

beforeAll(async () => {
  setDefaultDevice(await paths.native());
  manualSeed(4);
});

/** (N,C,H,W) of values that go up and down. */
function waves(shape: readonly number[]): Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return Tensor.from(
    Array.from({ length: size }, (_, i) => Math.sin(1.7 * i) + 0.1),
    shape,
  );
}

/** The outputs that a hook on `layer` sees while `model` runs. */
function outputsOf(model: Module, layer: string, x: Tensor): Tensor[] {
  const seen: Tensor[] = [];
  const remove = model.get(layer).registerForwardHook((_module, _input, output) => {
    seen.push(output);
  });
  model.forward(x);
  remove();
  return seen;
}

describe('forward hooks', () => {
  it.each([
    ['a convolution', () => new Conv2d(3, 4, 3)],
    ['a batch normalisation', () => new BatchNorm2d(3)],
  ])('on %s see what it puts out itself, not the relu behind it', async (_, make) => {
    const layer = make();
    const model = new Sequential(layer, new ReLU()).eval();
    const x = waves([2, 3, 5, 5]);
    const [seen] = outputsOf(model, '0', x);
    const own = await seen!.data();
    expect(own).toEqual(await layer.forward(x).data());
    expect(own.some(value => value < 0)).toBe(true);
    expect(await relu(seen!).data()).toEqual(await model.forward(x).data());
  });

  it('on an activation see what it puts out, and what goes in', async () => {
    const layer = new Linear(6, 5);
    const model = new Sequential(layer, new ReLU());
    const x = waves([3, 6]);
    const inputs: Tensor[] = [];
    model.get('1').registerForwardHook((module, input, output) => {
      expect(module).toBe(model.get('1'));
      inputs.push(input, output);
    });
    const y = await model.forward(x).data();
    expect(await inputs[0]!.data()).toEqual(await layer.forward(x).data());
    expect(await inputs[1]!.data()).toEqual(y);
  });

  it('see a block without the residual and activation behind its last layer', async () => {
    const block = new BasicBlock(4, 4).eval();
    const x = waves([1, 4, 6, 6]);
    const [bn2] = outputsOf(block, 'bn2', x);
    const hidden = block.conv2.forward(relu(block.bn1.forward(block.conv1.forward(x))));
    expectClose('bn2', await bn2!.data(), tensor(bn2!.shape, [...(await block.bn2.forward(hidden).data())]));
    // Both uses of the one relu, as in torchvision.
    expect(outputsOf(block, 'relu', x).length).toBe(2);
    const inverted = new InvertedResidual(4, 4, 1, 2).eval();
    const [conv] = outputsOf(inverted, 'conv', x);
    const [sums, own] = [await inverted.forward(x).data(), await conv!.data()];
    const input = await x.data();
    expectClose(
      'conv',
      own,
      tensor(
        conv!.shape,
        [...sums].map((value, i) => value - input[i]!),
      ),
    );
  });

  it('are called for every layer that runs, and change no result', async () => {
    const options = { kernelSize: 3, stride: 1, expansion: 2, dropProbability: 0.2 };
    for (const [model, x] of [
      [modelRegistry['mini-resnet']!.create({ se: true }), waves([2, 1, 12, 12])],
      [new MBConv(4, 4, options), waves([2, 4, 6, 6])],
      [new InvertedResidual(4, 4, 1, 2), waves([2, 4, 6, 6])],
    ] as const) {
      model.eval();
      const plain = model.forward(x);
      const called = new Set<Module>();
      for (const [, module] of model.namedModules())
        module.registerForwardHook(seen => {
          called.add(seen);
        });
      const hooked = model.forward(x);
      expectClose('hooked', await hooked.data(), tensor(plain.shape, [...(await plain.data())]));
      expect(called.size).toBe([...model.namedModules()].length);
    }
  });

  it('are not called any more once taken off', () => {
    const layer = new ReLU();
    let calls = 0;
    const remove = layer.registerForwardHook(() => {
      calls++;
    });
    layer.forward(waves([4]));
    remove();
    layer.forward(waves([4]));
    expect(calls).toBe(1);
    expect(layer.hooked).toBe(false);
  });

  it('leave the gradient of the output where asked: Grad-CAM needs no more', async () => {
    const model = modelRegistry['gap-cnn']!.create({ classes: 3, size: 16 }).eval();
    const x = waves([1, 1, 16, 16]);
    let activation: Tensor | undefined;
    const keep = (_module: Module, _input: Tensor, output: Tensor) => {
      activation = output.keep();
    };
    model.get('features').registerForwardHook(keep, { retainGrad: true });
    const logits = model.forward(x);
    backward(sum(logits));
    // The head is a mean over 2x2 pixels and a matrix: each pixel's gradient is a quarter of the column's sum.
    const weight = await model.namedParameters().get('classifier.weight')!.data();
    const column = (c: number) => (weight[c]! + weight[256 + c]! + weight[512 + c]!) / 4;
    const expected = Array.from({ length: 256 * 4 }, (_, i) => column(Math.floor(i / 4)));
    expect(activation!.shape).toEqual([1, 256, 2, 2]);
    expectClose('gradient', await activation!.grad!.data(), tensor([1, 256, 2, 2], expected));
    activation!.grad!.dispose();
    activation!.dispose();
    // Where nothing is recorded there is no gradient to keep.
    noGrad(() => model.forward(x));
    expect(activation!.retainsGrad).toBe(false);
    activation!.dispose();
  });
});

describe('Module.get', () => {
  const model = () => modelRegistry['mini-resnet']!.create();

  it('finds layers by their dotted names', () => {
    expect(model().get('layer3.1')).toBeInstanceOf(BasicBlock);
    expect(model().get('layer3.1.conv1')).toBeInstanceOf(Conv2d);
  });

  it.each([
    ['layer9', /no layer is called 'layer9'; the model has stem, layer1, layer2, layer3, avgpool, fc$/],
    ['layer3.7.conv1', /no layer is called 'layer3\.7\.conv1'; layer3 has layer3\.0, layer3\.1$/],
    ['fc.weight', /fc has no layers in it/],
  ])('names what there is instead of %s', (name, text) => {
    expect(() => model().get(name)).toThrow(UserError);
    expect(() => model().get(name)).toThrow(text);
  });
});

describe('a shape that does not fit', () => {
  it('names the layer, what it takes and what it got', () => {
    const model = modelRegistry['simple-cnn']!.create();
    expect(() => model.forward(waves([1, 1, 40, 40]))).toThrow(
      /^classifier\.1 \(Linear\): linear: takes .*; given \(1, 1600\) and \(128, 2304\)$/,
    );
    expect(() => model.forward(waves([1, 3, 48, 48]))).toThrow(
      /^features\.0 \(Conv2d\): conv2d: .*given \(1, 3, 48, 48\) and \(16, 1, 3, 3\)$/,
    );
    expect(() => new Linear(3, 2).forward(waves([1, 4]))).toThrow(/^Linear: linear: /);
  });

  it('is told for convolutions whose groups do not divide their channels', () => {
    expect(() => new Conv2d(6, 8, 3, { groups: 4 })).toThrow(/groups of 4 .* 6 and 8 channels/);
  });
});
