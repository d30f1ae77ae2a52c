import { Tensor } from '../tensor/index.js';
import { defaultDevice } from '../tensor/context.js';
import { linearGrid } from './grid.js';
import { ShapeError } from './op.js';

/**
 * Image bytes (N,H,W,C), channels innermost, as a normalised tensor (N,C,H,W): (byte/255 − mean[c]) / std[c]. One to four
 * channels.
 */
export function normaliseImages(
  bytes: Uint8Array,
  shape: readonly [number, number, number, number],
  mean: readonly number[],
  std: readonly number[],
  device = defaultDevice(),
): Tensor {
  const [n, c, h, w] = shape;
  if (bytes.length !== n * c * h * w) {
    throw new ShapeError(`images: ${bytes.length} bytes do not fill (${shape.join(', ')})`);
  }
  if (c > 4 || mean.length !== c || std.length !== c) {
    throw new ShapeError(
      `images: ${c} channels need as many means and deviations (at most 4), not ${mean.length}, ${std.length}`,
    );
  }
  const words = Math.ceil(bytes.length / 4);
  const packed = Tensor.empty([words], { device, dtype: 'u32' });
  device.write(packed.slice, bytes);
  const y = Tensor.empty(shape, { device });
  const of = (values: readonly number[], i: number) => values[i] ?? 1;
  device.dispatch({
    shader: 'images',
    entry: 'images_normalise',
    bindings: { bytes: packed.slice, y: y.slice },
    params: {
      ...{ words, channels: c },
      ...{ mean0: of(mean, 0), mean1: of(mean, 1), mean2: of(mean, 2), mean3: of(mean, 3) },
      ...{ std0: of(std, 0), std1: of(std, 1), std2: of(std, 2), std3: of(std, 3) },
    },
    grid: linearGrid(device, words),
  });
  packed.dispose();
  return y;
}
