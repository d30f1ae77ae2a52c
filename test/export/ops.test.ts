import { beforeAll, describe, expect, it } from 'vitest';
import { OPSETS, toOnnx } from '../../src/export/onnx/index.js';
import { exporters, notExported } from '../../src/export/onnx/ops.js';
import * as ops from '../../src/kernels/index.js';
import { ACTIVATIONS } from '../../src/kernels/activation.js';
import { BatchNorm1d, BatchNorm2d, Conv2d, Linear, Module } from '../../src/nn/index.js';
import { noGrad, Parameter, scope, setDefaultDevice, Tensor } from '../../src/tensor/index.js';
import { RandomStream } from '../../src/util/random.js';
import { paths } from '../devices.js';
import { onnxRuntime } from './onnxruntime.js';
import { fillWeights } from './weights.js';

const CHANNELS = 4;
const SIZE = 7;
const SHAPE = [2, CHANNELS, SIZE, SIZE];
const PLANE = [CHANNELS, SIZE, SIZE];

type Work = (x: Tensor, layers: Readonly<Record<string, Module>>, weight: Tensor) => Tensor;

/** A network of one operation, or of a few, with layers and a weight of its own. */
class Case extends Module {
  readonly weight: Parameter;
  constructor(
    private readonly work: Work,
    private readonly layers: Readonly<Record<string, Module>>,
    weight: readonly number[],
  ) {
    super();
    this.weight = Parameter.of(new Float32Array(weight.reduce((a, b) => a * b, 1)), weight);
  }
  override children(): [string, Module][] {
    return Object.entries(this.layers);
  }
  protected compute(x: Tensor): Tensor {
    return this.work(x, this.layers, this.weight);
  }
}

interface Given {
  readonly layers?: () => Readonly<Record<string, Module>>;
  /** Shape of `weight`. */
  readonly weight?: readonly number[];
}

const flat = (x: Tensor) => ops.flatten(x);
const cases: [name: string, work: Work, given?: Given][] = [
  ...(Object.keys(ACTIVATIONS) as ops.PointwiseOp[]).map((op): [string, Work] => [op, x => ops.pointwise(op, x)]),
  ...(['neg', 'exp', 'abs', 'square'] as const).map((op): [string, Work] => [op, x => ops.pointwise(op, x)]),
  ...(['log', 'sqrt'] as const).map((op): [string, Work] => [op, x => ops.pointwise(op, ops.pointwise('exp', x))]),
  ...(['add', 'sub', 'mul', 'div'] as const).flatMap((op): [string, Work, Given][] => [
    [`${op} of a weight for each channel`, (x, _, w) => ops.binary(op, x, w), { weight: [1, CHANNELS, 1, 1] }],
    [`${op} from a weight for each pixel`, (x, _, w) => ops.binary(op, w, ops.sigmoid(x)), { weight: [1, ...PLANE] }],
  ]),
  ['scale', x => ops.scale(x, -1.7)],
  ['conv2d', (x, { conv }) => conv!.forward(x), { layers: () => ({ conv: new Conv2d(CHANNELS, 6, 3) }) }],
  [
    'conv2d of two groups, uneven windows and no bias',
    (x, _, w) => ops.conv2d(x, w, undefined, { stride: [2, 1], padding: [1, 2], dilation: [1, 2], groups: 2 }),
    { weight: [6, CHANNELS / 2, 3, 2] },
  ],
  ...(['relu', 'relu6', 'sigmoid', 'tanh'] as const).map((activation): [string, Work, Given] => [
    `conv2d that ends in ${activation}`,
    (x, { conv }) => conv!.forwardFused(x, { activation }),
    { layers: () => ({ conv: new Conv2d(CHANNELS, 5, 1) }) },
  ]),
  [
    'linear that ends in tanh',
    (x, { fc }) => fc!.forwardFused(flat(x), { activation: 'tanh' }),
    { layers: () => ({ fc: new Linear(CHANNELS * SIZE * SIZE, 5) }) },
  ],
  ['linear without bias', (x, _, w) => ops.linear(flat(x), w), { weight: [3, CHANNELS * SIZE * SIZE] }],
  ['matmul', (x, _, w) => ops.matmul(flat(x), w), { weight: [CHANNELS * SIZE * SIZE, 3] }],
  ['batch_norm', (x, { bn }) => bn!.forward(x), { layers: () => ({ bn: new BatchNorm2d(CHANNELS) }) }],
  [
    'batch_norm of vectors',
    (x, { bn }) => bn!.forward(flat(x)),
    { layers: () => ({ bn: new BatchNorm1d(CHANNELS * SIZE * SIZE) }) },
  ],
  [
    'batch_norm after a convolution, with a residual and silu',
    (x, { conv, bn }) => bn!.forwardFused(conv!.forward(x), { residual: x, activation: 'silu' }),
    {
      layers: () => ({
        conv: new Conv2d(CHANNELS, CHANNELS, 3, { padding: 1 }),
        bn: new BatchNorm2d(CHANNELS, { eps: 0.1 }),
      }),
    },
  ],
  [
    'batch_norm after a convolution that serves twice',
    (x, { conv, bn }) => ops.add(bn!.forward(conv!.forward(x)), conv!.forward(x)),
    { layers: () => ({ conv: new Conv2d(CHANNELS, 3, 1), bn: new BatchNorm2d(3) }) },
  ],
  [
    'batch_norm after a convolution whose output is taken elsewhere',
    (x, { conv, bn }) => {
      const y = conv!.forward(x);
      return ops.mul(bn!.forward(y), y);
    },
    { layers: () => ({ conv: new Conv2d(CHANNELS, 3, 1), bn: new BatchNorm2d(3) }) },
  ],
  ['max_pool2d', x => ops.maxPool2d(x, [3, 2], { stride: [2, 1], padding: [1, 0] })],
  ['avg_pool2d', x => ops.avgPool2d(x, [3, 2], { stride: [2, 1], padding: [1, 1] })],
  ['avg_pool2d without its padding', x => ops.avgPool2d(x, 3, { padding: 1, countIncludePad: false })],
  ['adaptive_avg_pool2d', x => ops.adaptiveAvgPool2d(x, [3, 5])],
  ['adaptive_avg_pool2d to one pixel', x => ops.adaptiveAvgPool2d(x, 1)],
  ['mean of channels', x => ops.mean(x, [1])],
  ['mean of pixels without their dimensions', x => ops.mean(x, [2, 3])],
  ['sum of lines', x => ops.sum(x, [2], true)],
  ['concat of channels', (x, _, w) => ops.concat([x, ops.mul(x, w), x]), { weight: [1, 1, 1, 1] }],
  ['concat of lines', x => ops.concat([x, ops.pointwise('neg', x)], 2)],
  ['narrow', x => ops.concat(ops.split(x, [1, 3]).reverse())],
  ['channel_shuffle', x => ops.channelShuffle(x, 2)],
  ['interpolate_bilinear, larger', x => ops.interpolateBilinear(x, [11, 8])],
  ['interpolate_bilinear, smaller', x => ops.interpolateBilinear(x, [3, 1])],
  ['normalise_channels', x => ops.normaliseChannels(x, [0.1, 0.2, 0.3, 0.4], [1, 2, 0.5, 0.7])],
  ['normalise_channels of a grey image', x => ops.repeatChannels(ops.narrow(x, 1, 2, 1), 3)],
  ['flatten', flat],
  ['softmax', x => ops.softmax(flat(x))],
  ['log_softmax', x => ops.logSoftmax(flat(x))],
];

beforeAll(async () => {
  setDefaultDevice(await paths.native());
});

describe('ONNX export', () => {
  it('has nodes for every operation of the registry, or says why it has none', () => {
    const taped = Object.keys(ops.registry).map(name => name.replace(/^batch_norm_.*/, 'batch_norm'));
    const known = [...Object.keys(exporters), ...Object.keys(notExported)];
    expect(taped.filter(name => !known.includes(name))).toEqual([]);
    // Each exporter is tried below.
    const tried = cases.map(([name]) => name.split(/[ ,]/)[0]);
    expect(Object.keys(exporters).filter(name => !tried.includes(name))).toEqual([]);
  });

  it.each(cases)('%s', async (_, work, { layers, weight = [1] } = {}) => {
    const model = new Case(work, layers?.() ?? {}, weight);
    const state = fillWeights(model);
    const random = new RandomStream(6, 71);
    const x = Float32Array.from({ length: 2 * CHANNELS * SIZE * SIZE }, () => 2 * random.normal());
    const expected = await scope(() => noGrad(() => model.eval().forward(Tensor.from(x, SHAPE)))).data();
    for (const [opset, foldBatchNorm] of [
      [OPSETS.least, false],
      [OPSETS.most, true],
    ] as const) {
      const runtime = await onnxRuntime(toOnnx(model, state, { channels: CHANNELS, size: SIZE, opset, foldBatchNorm }));
      const actual = await runtime.run(x, SHAPE);
      await runtime.release();
      expect(actual.length).toBe(expected.length);
      const worst = expected.reduce((most, v, i) => Math.max(most, Math.abs(v - actual[i]!) / (1 + Math.abs(v))), 0);
      expect(worst).toBeLessThan(1e-5);
    }
    model.dispose();
  });
});
