import type { Device } from '../gpu/device.js';
import type { Tensor } from '../tensor/index.js';
import { depthwiseChoices, depthwiseKernels } from './conv2d_depthwise.js';
import { flopsOf, type Conv2dKernels, type Conv2dSizes, type Convolution } from './conv2d_kernels.js';
import { matrixKernels, suitsMatrices } from './conv2d_matrix.js';
import { isPointwise, pointwiseKernels, pointwiseSizes } from './conv2d_pointwise.js';
import { portableKernels } from './conv2d_portable.js';
import { columnTiles, pixelTiles, standardColumnTile, standardPixelTile, subgroupKernels } from './conv2d_subgroups.js';
import { tunableProducts } from './matmul.js';
import { matrixTiles } from './matrix_tiles.js';
import { bucket, type Choice, type Tunable } from './tuning/choice.js';
import { cut, cutFor, portableTile, portableTiles, WORKGROUPS } from './tuning/tiles.js';

/** The kernels that each shader's choices belong to. */
const families: Readonly<Record<string, Conv2dKernels>> = {
  conv2d: subgroupKernels,
  conv2d_portable: portableKernels,
  conv2d_depthwise: depthwiseKernels,
  conv2d_matrix: matrixKernels,
  matmul: pointwiseKernels,
  matmul_matrix: pointwiseKernels,
  matmul_portable: pointwiseKernels,
};

/** The kernels that run a choice of one of the tunables below. */
export function kernelsOf(choice: Choice): Conv2dKernels {
  return families[choice.shader]!;
}

function isDepthwise({ groups, c, o }: Conv2dSizes): boolean {
  return groups > 1 && c === 1 && o === 1;
}

type Pass = keyof typeof pointwiseSizes;
const products = { forward: 'nt', backwardInput: 'nn', backwardWeight: 'tn' } as const;

/** Under mixed precision: blocks of subgroup matrices, where channels allow. */
function matrixChoices(pass: Pass, sizes: Conv2dSizes, device: Device): readonly Choice[] {
  if (!device.matrices || !suitsMatrices(sizes)) return [];
  if (isPointwise(sizes)) return tunableProducts[products[pass]].candidates(pointwiseSizes[pass](sizes), device);
  const tiles = matrixTiles('conv2d_matrix', device, device.matrices);
  return pass === 'backwardWeight' ? cut(tiles) : tiles;
}

/** The default, measured on lavapipe (docs/performance.md). */
function standard(pass: Pass, sizes: Conv2dSizes, device: Device): Choice {
  const { c, o } = sizes;
  const [matrices] = matrixChoices(pass, sizes, device);
  if (matrices) return matrices;
  if (isDepthwise(sizes))
    return pass === 'backwardWeight' ? depthwiseChoices.standardWeight : depthwiseChoices.standard;
  const subgroups = device.subgroupSize >= 4;
  if (isPointwise(sizes)) {
    // conv2d.wgsl's forward is as fast as matmul_nt, and its input gradient faster than matmul_nn, whose lanes share out
    // columns, of which there are few; only the weight gradient gains, where rows are vec4.
    const gains = pass === 'backwardWeight' && c % 4 === 0 && o % 4 === 0;
    if (!subgroups || gains) return tunableProducts[products[pass]].standard(pointwiseSizes[pass](sizes), device);
  }
  if (pass === 'backwardWeight') {
    return subgroups ? standardColumnTile(sizes, device) : cutFor(WORKGROUPS, portableTile('conv2d_portable'));
  }
  if (!subgroups) return portableTile('conv2d_portable');
  return standardPixelTile(pass === 'forward' ? o : c, device);
}

function candidates(pass: Pass, sizes: Conv2dSizes, device: Device): readonly Choice[] {
  const matrices = matrixChoices(pass, sizes, device);
  if (matrices.length > 0) return matrices;
  const weight = pass === 'backwardWeight';
  if (isDepthwise(sizes)) return weight ? depthwiseChoices.allWeight : depthwiseChoices.all;
  // The same for all of a class.
  const [c, o] = [bucket(sizes.c), bucket(sizes.o)];
  const portable = portableTiles('conv2d_portable', device);
  return [
    ...(weight ? columnTiles(o, device) : pixelTiles(pass === 'forward' ? o : c, device)),
    ...(isPointwise(sizes) ? tunableProducts[products[pass]].candidates(pointwiseSizes[pass](sizes), device) : []),
    ...(weight ? cut(portable) : portable),
  ];
}

/** Sizes in powers of two, what a group looks like, and the window; channels that are no whole vec4s are marked. */
function shapeClass(sizes: Conv2dSizes): string {
  const { n, oh, ow, c, o, kh, kw, stride_h, stride_w, dilation_h, dilation_w, groups } = sizes;
  const channels = (count: number) => `${bucket(count)}${count % 4 === 0 ? '' : 's'}`;
  const kind = isDepthwise(sizes) ? 'depthwise' : isPointwise(sizes) ? 'pointwise' : groups > 1 ? 'grouped' : '';
  const across = isDepthwise(sizes) ? channels(groups) : `${channels(c)}to${channels(o)}`;
  return [
    `${bucket(n * oh * ow)}px`,
    across,
    ...(kind === 'pointwise' ? [] : [`${kh}x${kw}`, `stride ${stride_h}x${stride_w}`]),
    ...(dilation_h * dilation_w > 1 ? ['dilated'] : []),
    ...(kind === '' ? [] : [kind]),
  ].join(' ');
}

function shapes({ n, h, w, c, oh, ow, o, kh, kw, groups }: Conv2dSizes) {
  return { x: [n, c * groups, h, w], weight: [o * groups, c, kh, kw], y: [n, o * groups, oh, ow] };
}

function tunable(pass: Pass, name: string): Tunable<Conv2dSizes> {
  return {
    name,
    shapeClass,
    standard: (sizes, device) => standard(pass, sizes, device),
    candidates: (sizes, device) => candidates(pass, sizes, device),
    work: sizes => flopsOf(sizes) / 2,
    operands: sizes => {
      const { x, weight, y } = shapes(sizes);
      return { forward: [x, weight], backwardInput: [weight, y], backwardWeight: [x, y] }[pass];
    },
    result: sizes => {
      const { x, weight, y } = shapes(sizes);
      return { forward: y, backwardInput: x, backwardWeight: weight }[pass];
    },
    launch: (choice, sizes, operands, result) => {
      const [first, second] = operands as [Tensor, Tensor];
      const kernels = kernelsOf(choice);
      const none = { bias: undefined, activation: undefined, sizes };
      // A gradient looks at one operand of the call only.
      const call: Convolution =
        pass === 'backwardInput' ? { ...none, x: result, weight: first } : { ...none, x: first, weight: second };
      if (pass === 'forward') kernels.forward(choice, call, result);
      else kernels[pass](choice, call, second, result);
    },
  };
}

export const tunableConvolution = {
  forward: tunable('forward', 'conv2d_forward'),
  backwardInput: tunable('backwardInput', 'conv2d_backward_input'),
  backwardWeight: tunable('backwardWeight', 'conv2d_backward_weight'),
};
