import { distance } from 'fastest-levenshtein';
import { Conv2d, traceModules, type Module } from '../../nn/index.js';
import { noGrad, scope, type Tensor } from '../../tensor/index.js';
import { UserError } from '../../util/errors.js';

/** A layer whose output has a height and a width of more than one pixel, so that it says where something is. */
export interface SpatialLayer {
  readonly name: string;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Whether the layer is, or holds, a convolution. */
  readonly convolves: boolean;
}

/** The spatial layers of `model` for images `x` (N,C,H,W), in the order in which they finish; the model itself is left out. */
export function spatialLayers(model: Module, x: Tensor): SpatialLayer[] {
  const finished = new Map<Module, readonly number[]>();
  const look = (module: Module, { shape }: Tensor) => {
    // One that runs again finishes again.
    finished.delete(module);
    finished.set(module, [...shape]);
  };
  const training = model.training;
  model.eval();
  try {
    scope(() => {
      traceModules(look, () => noGrad(() => model.forward(x)));
    });
  } finally {
    model.train(training);
  }
  const names = new Map([...model.namedModules()].map(([name, module]) => [module, name]));
  return [...finished].flatMap(([module, shape]) => {
    const name = names.get(module) ?? '';
    const [, channels = 0, height = 0, width = 0] = shape;
    if (name === '' || shape.length !== 4 || height * width < 2) return [];
    const convolves = [...module.namedModules()].some(([, part]) => part instanceof Conv2d);
    return [{ name, channels, height, width, convolves }];
  });
}

/**
 * The last convolutional block: of the layers that finish after the last convolution without another size, the last to
 * finish. For a plain stack that is the activation behind the convolution, for a residual network its last stage.
 * @throws UserError where no layer has a height and a width
 */
export function lastBlock(layers: readonly SpatialLayer[], model: string): SpatialLayer {
  const last = layers.findLastIndex(({ name, convolves }) => convolves && isLeaf(name, layers));
  const convolution = layers[last];
  if (!convolution)
    throw new UserError(`${model} has no convolutions whose output has a height and a width: no map of it`);
  const same = ({ channels, height, width }: SpatialLayer) =>
    channels === convolution.channels && height === convolution.height && width === convolution.width;
  return layers.slice(last).findLast(same) ?? convolution;
}

const isLeaf = (name: string, layers: readonly SpatialLayer[]) =>
  !layers.some(other => other.name.startsWith(`${name}.`));

/**
 * The layer that is called `name`.
 * @throws UserError with the nearest names where there is none, or it has no height and width
 */
export function findLayer(name: string, layers: readonly SpatialLayer[]): SpatialLayer {
  const found = layers.find(layer => layer.name === name);
  if (found) return found;
  if (layers.length === 0) throw new UserError('the model has no layer with a height and a width: no map of it');
  const nearest = layers
    .map(layer => layer.name)
    .sort((a, b) => distance(a, name) - distance(b, name))
    .slice(0, 5);
  throw new UserError(
    `no layer with a height and a width is called '${name}'; the nearest are ${nearest.join(', ')}, the last is ` +
      layers.at(-1)!.name,
  );
}
