import type { Affine, AffineStage } from '../../kernels/index.js';
import { UserError } from '../../util/errors.js';
import type { RandomStream } from '../../util/random.js';
import { drawAffine, drawCrop, drawResizedCrop, type AffineDraw, type Area, type Size } from './draw.js';
import type { Step } from './transforms.js';

/**
 * Geometric transforms as maps from output to input coordinates, pixel centres at whole numbers. One that may read outside
 * of its input says by `outside` what is there; maps without it compose with their neighbours.
 */
export interface Move {
  readonly matrix: Affine;
  readonly outside?: Pick<AffineStage, 'fill' | 'sides'>;
}

const GEOMETRIC = [
  'horizontal-flip',
  'affine',
  'resized-crop',
  'crop',
  'center-crop',
  'resize',
  'five-crop',
  'ten-crop',
] as const;

export type GeometricStep = Step<(typeof GEOMETRIC)[number]>;

export function isGeometric(step: Step): step is GeometricStep {
  return GEOMETRIC.some(name => name === step.name);
}

/** Crops that a step makes of one image. */
export function viewsOf(step: Step): number {
  return step.name === 'five-crop' ? 5 : step.name === 'ten-crop' ? 10 : 1;
}

/** Whether the moves of a step have an `outside`: the same for all samples, so that all have as many stages. */
export function mayLeave(step: GeometricStep): boolean {
  switch (step.name) {
    case 'affine':
    case 'resized-crop':
    case 'resize':
      return true;
    case 'crop':
      return step.options.padding > 0;
    case 'horizontal-flip':
    case 'center-crop':
    case 'five-crop':
    case 'ten-crop':
      return false;
  }
}

/**
 * The size that images of size `input` have after a step.
 * @throws {UserError} where they are too small for it
 */
export function outputSize(step: GeometricStep, input: Size): Size {
  const place = `augment entry ${step.index + 1} (${step.name})`;
  const sides = 'size' in step.options ? step.options.size : undefined;
  const output = sides ? { height: sides[0], width: sides[1] } : input;
  if (step.name === 'resize' || step.name === 'resized-crop') return output;
  const padding = step.name === 'crop' ? step.options.padding : 0;
  if (output.height > input.height + 2 * padding || output.width > input.width + 2 * padding) {
    const padded = padding > 0 ? ` with a padding of ${padding}` : '';
    throw new UserError(`${place}: no crop of ${text(output)} fits into images of ${text(input)}${padded}`);
  }
  if (
    step.name === 'crop' &&
    step.options['padding-mode'] === 'reflect' &&
    padding >= Math.min(input.height, input.width)
  ) {
    throw new UserError(`${place}: images of ${text(input)} have too few pixels to be mirrored over ${padding}`);
  }
  return output;
}

function text({ height, width }: Size): string {
  return `${width}x${height}`;
}

/** What a step does to one sample. `random` begins with whether it happens; a crop that does not is a central one. */
export function moveOf(step: GeometricStep, input: Size, random: RandomStream, view: number): Move {
  const output = outputSize(step, input);
  const applied = 'p' in step.options ? random.uniform() < step.options.p : true;
  switch (step.name) {
    case 'horizontal-flip':
      return { matrix: applied ? flip(input) : IDENTITY };
    case 'affine':
      return {
        matrix: applied ? affineMatrix(drawAffine(step.options, random, input), input) : IDENTITY,
        outside: { fill: step.options.fill, sides: borders(input) },
      };
    case 'resized-crop':
      return resized(applied ? drawResizedCrop(step.options, random, input) : whole(input), output);
    case 'resize':
      return resized(whole(input), output);
    case 'crop': {
      const { padding, 'padding-mode': fill } = step.options;
      const { top, left } = applied ? drawCrop(padding, output, random, input) : central(output, input);
      const matrix = shifted(left, top);
      return padding > 0 ? { matrix, outside: { fill, sides: borders(input) } } : { matrix };
    }
    case 'center-crop':
    case 'five-crop':
    case 'ten-crop':
      return { matrix: viewMatrix(step.name === 'center-crop' ? 4 : view, output, input) };
  }
}

/**
 * The stages of moves that are applied one after the other, from the output's side to the source's. Moves without `outside`
 * flip and shift whole pixels, so that they join the stage on either side of them.
 */
export function stagesOf(moves: readonly Move[], source: Size): AffineStage[] {
  const stages: AffineStage[] = [];
  let pending: Affine | undefined;
  for (const { matrix, outside } of moves.toReversed()) {
    const last = stages.at(-1);
    if (outside) {
      stages.push({ matrix: pending ? compose(matrix, pending) : matrix, ...outside });
      pending = undefined;
    } else if (last) {
      stages[stages.length - 1] = {
        matrix: compose(matrix, last.matrix),
        fill: last.fill,
        sides: movedSides(matrix, last.sides),
      };
    } else {
      pending = pending ? compose(matrix, pending) : matrix;
    }
  }
  if (pending) stages.push({ matrix: pending, fill: 'edge', sides: borders(source) });
  return stages;
}

/** How many stages `stagesOf` gives. */
export function stageCount(steps: readonly GeometricStep[]): number {
  return Math.max(steps.filter(mayLeave).length, Math.min(steps.length, 1));
}

function movedSides([a, , c, , e, f]: Affine, [x0, y0, x1, y1]: AffineStage['sides']): AffineStage['sides'] {
  const [u0, v0, u1, v1] = [a * x0 + c, e * y0 + f, a * x1 + c, e * y1 + f];
  return [Math.min(u0, u1), Math.min(v0, v1), Math.max(u0, u1), Math.max(v0, v1)];
}

export const IDENTITY: Affine = [1, 0, 0, 0, 1, 0];

/** The map that applies `first` and then `then`. */
export function compose(then: Affine, first: Affine): Affine {
  const [a, b, c, d, e, f] = then;
  const [g, h, i, j, k, l] = first;
  return [a * g + b * j, a * h + b * k, a * i + b * l + c, d * g + e * j, d * h + e * k, d * i + e * l + f];
}

/**
 * The map from output to input of a rotation (clockwise), shift, scaling and shear about the image's middle:
 * torchvision.transforms.functional._get_inverse_affine_matrix, the inverse of T·C·R·S·Sh·C⁻¹.
 */
export function affineMatrix(draw: AffineDraw, size: Size): Affine {
  const [tx, ty] = draw.translate;
  const [sx, sy] = draw.shear;
  const a = cosine(draw.degrees - sy) / cosine(sy);
  const b = (-cosine(draw.degrees - sy) * sine(sx)) / (cosine(sx) * cosine(sy)) - sine(draw.degrees);
  const c = sine(draw.degrees - sy) / cosine(sy);
  const d = (-sine(draw.degrees - sy) * sine(sx)) / (cosine(sx) * cosine(sy)) + cosine(draw.degrees);
  const [m00, m01, m10, m11] = [d, -b, -c, a].map(value => value / draw.scale) as [number, number, number, number];
  const x = (size.width - 1) / 2;
  const y = (size.height - 1) / 2;
  return [m00, m01, x - m00 * (x + tx) - m01 * (y + ty), m10, m11, y - m10 * (x + tx) - m11 * (y + ty)];
}

/** Exact for quarter turns, so that they move pixels without mixing them. */
function cosine(degrees: number): number {
  const quarter = degrees / 90;
  if (Number.isInteger(quarter)) return [1, 0, -1, 0][((quarter % 4) + 4) % 4]!;
  return Math.cos((degrees * Math.PI) / 180);
}

function sine(degrees: number): number {
  return Number.isInteger(degrees / 90) ? cosine(degrees - 90) : Math.sin((degrees * Math.PI) / 180);
}

function flip({ width }: Size): Affine {
  return [-1, 0, width - 1, 0, 1, 0];
}

function shifted(left: number, top: number): Affine {
  return [1, 0, left, 0, 1, top];
}

function whole({ height, width }: Size): Area {
  return { top: 0, left: 0, height, width };
}

function borders({ height, width }: Size): readonly [number, number, number, number] {
  return [0, 0, width - 1, height - 1];
}

/** Bilinear resize of an area, corners not aligned, without smoothing; nothing beyond the area is read. */
function resized({ top, left, height, width }: Area, output: Size): Move {
  const x = width / output.width;
  const y = height / output.height;
  return {
    matrix: [x, 0, left + (x - 1) / 2, 0, y, top + (y - 1) / 2],
    outside: { fill: 'edge', sides: [left, top, left + width - 1, top + height - 1] },
  };
}

/** Rounded half to even, as Python's round, which torchvision.transforms.functional.center_crop takes. */
function central(crop: Size, input: Size): { top: number; left: number } {
  const middle = (room: number) => {
    const down = Math.floor(room / 2);
    return room % 2 === 0 || down % 2 === 0 ? down : down + 1;
  };
  return { top: middle(input.height - crop.height), left: middle(input.width - crop.width) };
}

/**
 * Crop `view` of torchvision's FiveCrop (top left, top right, bottom left, bottom right, centre), and from 5 on those of the
 * flipped image, as its TenCrop.
 */
function viewMatrix(view: number, crop: Size, input: Size): Affine {
  const bottom = input.height - crop.height;
  const right = input.width - crop.width;
  const { top, left } = central(crop, input);
  const corners = [[0, 0], [right, 0], [0, bottom], [right, bottom], [left, top]] as const; // prettier-ignore
  const [x, y] = corners[view % 5]!;
  return view < 5 ? shifted(x, y) : compose(flip(input), shifted(x, y));
}
