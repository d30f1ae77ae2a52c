import { elementCount, record, Tensor } from '../tensor/index.js';
import { linearGrid } from './grid.js';
import { requireShape, type OpDefinition } from './op.js';

/** y (n,columns,rows) from x (n,rows,columns), both row-major in memory. */
export function transposeInto(x: Tensor, y: Tensor, n: number, rows: number, columns: number): void {
  x.device.dispatch({
    shader: 'transpose',
    entry: 'transpose',
    bindings: { x: x.slice, y: y.slice },
    params: { n, rows, columns },
    grid: linearGrid(x.device, n * rows * columns),
  });
}

/** (N, everything else), in PyTorch's order: torch.flatten(x, 1). Free where channels or pixels are one. */
export function flatten(x: Tensor): Tensor {
  requireShape(x.shape.length >= 2, 'flatten', 'takes a batch of at least two dimensions', x);
  const n = x.shape[0]!;
  const shape = [n, elementCount(x.shape.slice(1))];
  const channels = x.shape[1]!;
  const pixels = elementCount(x.shape.slice(2));
  if (x.shape.length < 4 || channels === 1 || pixels === 1) {
    return record('flatten', [x], x.alias(shape), dy => [dy.alias(x.shape)]);
  }
  const y = Tensor.empty(shape, { device: x.device });
  transposeInto(x, y, n, pixels, channels);
  return record('flatten', [x], y, dy => {
    const dx = Tensor.empty(x.shape, { device: x.device });
    transposeInto(dy, dx, n, channels, pixels);
    return [dx];
  });
}

export const flattenOp: OpDefinition = {
  shader: 'transpose',
  inputs: ['input'],
  run: ({ input }) => flatten(input!),
};
