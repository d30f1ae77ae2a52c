import type { Conv2dWork } from '../work.js';

/** The convolutions of one network, each distinct shape once. */
export interface NetworkShapes {
  readonly model: string;
  /** Side of the network's input. */
  readonly input: number;
  readonly batch: number;
  /** Every convolution pads by half of its kernel. `usual`: among those that stand for the network. */
  readonly shapes: readonly Shape[];
}

export interface Shape {
  readonly c: number;
  readonly o: number;
  readonly kernel: number;
  readonly size: number;
  readonly stride: number;
  readonly depthwise: boolean;
  readonly usual: boolean;
}

type Row = readonly [c: number, o: number, kernel: number, size: number, stride?: number];

const dense =
  (usual: boolean) =>
  ([c, o, kernel, size, stride = 1]: Row): Shape => ({ c, o, kernel, size, stride, depthwise: false, usual });

const depthwise =
  (usual: boolean) =>
  ([c, size, stride = 1]: readonly [c: number, size: number, stride?: number]): Shape => ({
    ...{ c, o: c, kernel: 3, size, stride, depthwise: true, usual },
  });

/** resnet18's stages on what its stem leaves of an image. */
function resNetStages(sizes: readonly [number, number, number, number]): Shape[] {
  const [a, b, c, d] = sizes;
  return [
    ...(
      [
        [64, 64, 3, a],
        [128, 128, 3, b],
        [256, 256, 3, c],
        [512, 512, 3, d],
      ] as const
    ).map(dense(true)),
    ...(
      [
        [64, 128, 3, a, 2],
        [64, 128, 1, a, 2],
        [128, 256, 3, b, 2],
        [128, 256, 1, b, 2],
        [256, 512, 3, c, 2],
        [256, 512, 1, c, 2],
      ] as const
    ).map(dense(false)),
  ];
}

/** Of the networks whose convolutions are timed one by one. A test compares the lists with the networks themselves. */
export const networkShapes: readonly NetworkShapes[] = [
  {
    ...{ model: 'mini-resnet', input: 48, batch: 64 },
    shapes: [
      ...(
        [
          [1, 32, 3, 48],
          [32, 32, 3, 24],
          [32, 64, 3, 24, 2],
          [64, 64, 3, 12],
          [128, 128, 3, 6],
        ] as const
      ).map(dense(true)),
      ...(
        [
          [32, 32, 3, 48, 2],
          [32, 32, 1, 48, 2],
          [32, 64, 1, 24, 2],
          [64, 128, 3, 12, 2],
          [64, 128, 1, 12, 2],
        ] as const
      ).map(dense(false)),
    ],
  },
  {
    ...{ model: 'resnet18', input: 48, batch: 32 },
    shapes: [dense(true)([3, 64, 7, 48, 2]), ...resNetStages([12, 6, 3, 2])],
  },
  {
    ...{ model: 'resnet18', input: 224, batch: 8 },
    shapes: [dense(true)([3, 64, 7, 224, 2]), ...resNetStages([56, 28, 14, 7])],
  },
  {
    ...{ model: 'mobilenet-v2', input: 224, batch: 8 },
    shapes: [
      ...(
        [
          [24, 144, 1, 56],
          [64, 384, 1, 14],
          [384, 64, 1, 14],
          [320, 1280, 1, 7],
        ] as const
      ).map(dense(true)),
      ...(
        [
          [3, 32, 3, 224, 2],
          [32, 16, 1, 112],
          [16, 96, 1, 112],
          [96, 24, 1, 56],
          [144, 24, 1, 56],
          [144, 32, 1, 28],
          [32, 192, 1, 28],
          [192, 32, 1, 28],
          [192, 64, 1, 14],
          [384, 96, 1, 14],
          [96, 576, 1, 14],
          [576, 96, 1, 14],
          [576, 160, 1, 7],
          [160, 960, 1, 7],
          [960, 160, 1, 7],
          [960, 320, 1, 7],
        ] as const
      ).map(dense(false)),
      ...(
        [
          [32, 112],
          [96, 112, 2],
          [144, 56],
          [576, 14],
          [960, 7],
        ] as const
      ).map(depthwise(true)),
      ...(
        [
          [144, 56, 2],
          [192, 28],
          [192, 28, 2],
          [384, 14],
          [576, 14, 2],
        ] as const
      ).map(depthwise(false)),
    ],
  },
];

/** The passes of a convolution that training runs. Images need no gradient, so a first layer has no input gradient. */
export function passesOf({ c }: Shape): readonly Conv2dWork['pass'][] {
  return c === 1 || c === 3 ? ['forward', 'weight-gradient'] : ['forward', 'input-gradient', 'weight-gradient'];
}
