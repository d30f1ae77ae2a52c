import { elementCount, formatShape, record, Tensor, type Node } from '../tensor/index.js';
import { physicalAxes } from '../tensor/layout.js';
import { BLOCK, linearGrid } from './grid.js';
import { requireShape, ShapeError, type OpDefinition } from './op.js';

/** A tensor seen from one of its dimensions: that dimension lies in memory between `rows` and `inner` elements. */
interface Rows {
  readonly rows: number;
  /** Elements for each step along the dimension. */
  readonly inner: number;
}

function rowsAlong(shape: readonly number[], axis: number): Rows {
  const order = physicalAxes(shape.length);
  const place = order.indexOf(axis);
  const sizes = order.map(a => shape[a]!);
  return { rows: elementCount(sizes.slice(0, place)), inner: elementCount(sizes.slice(place + 1)) };
}

function normalisedAxis(op: string, rank: number, axis: number): number {
  const normalised = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalised < 0 || normalised >= rank) {
    throw new ShapeError(`${op}: axis ${axis} is not one of the ${rank} dimensions`);
  }
  return normalised;
}

interface Copy {
  readonly rows: number;
  readonly width: number;
  readonly from_row: number;
  readonly from_start: number;
  readonly to_row: number;
  readonly to_start: number;
}

/** One launch of rows.wgsl with lengths in elements, on the widest vectors that all of them are multiples of. */
function launch(entry: 'rows_copy' | 'rows_pad', from: Tensor, to: Tensor, copy: Copy): void {
  const { rows, ...lengths } = copy;
  const lanes = [4, 2, 1].find(n => Object.values(lengths).every(length => length % n === 0))!;
  const params = Object.fromEntries(Object.entries(lengths).map(([name, length]) => [name, length / lanes]));
  const across = entry === 'rows_copy' ? copy.width : copy.to_row;
  to.device.dispatch({
    shader: 'rows',
    entry,
    constants: { BLOCK, V: { 4: 'vec4f', 2: 'vec2f', 1: 'f32' }[lanes]! },
    bindings: { source: from.slice, result: to.slice },
    params: { rows, ...params },
    // Only a part of one side.
    ...(entry === 'rows_copy' && { bytes: 2 * 4 * rows * copy.width }),
    grid: linearGrid(to.device, Math.ceil(rows / BLOCK) * (across / lanes)),
  });
}

/** The tensors one after the other along `axis`, as torch.cat; all other sizes are equal. */
export function concat(tensors: readonly Tensor[], axis = 1): Tensor {
  const first = tensors[0];
  if (!first) throw new ShapeError('concat: takes at least one tensor');
  const along = normalisedAxis('concat', first.shape.length, axis);
  const fits = ({ shape }: Tensor) =>
    shape.length === first.shape.length && shape.every((size, i) => i === along || size === first.shape[i]);
  requireShape(tensors.every(fits), 'concat', `sizes must be equal except along dimension ${along}`, ...tensors);
  const sizes = tensors.map(tensor => tensor.shape[along]!);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const shape = first.shape.map((size, i) => (i === along ? total : size));
  const { rows, inner } = rowsAlong(shape, along);
  const y = Tensor.empty(shape, { device: first.device });
  const starts = sizes.map((_, i) => inner * sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  tensors.forEach((tensor, i) => {
    const width = sizes[i]! * inner;
    const to = { to_row: total * inner, to_start: starts[i]! };
    launch('rows_copy', tensor, y, { rows, width, from_row: width, from_start: 0, ...to });
  });
  const back: Node['backward'] = (dy, needs) =>
    tensors.map((tensor, i) => {
      if (!needs[i]) return undefined;
      const dx = Tensor.empty(tensor.shape, { device: dy.device });
      const width = sizes[i]! * inner;
      const from = { from_row: total * inner, from_start: starts[i]! };
      launch('rows_copy', dy, dx, { rows, width, ...from, to_row: width, to_start: 0 });
      return dx;
    });
  return record('concat', tensors, y, back, { axis: along });
}

/** `length` steps along `axis` from `start` on, as torch.narrow, copied. */
export function narrow(x: Tensor, axis: number, start: number, length: number): Tensor {
  const along = normalisedAxis('narrow', x.shape.length, axis);
  const size = x.shape[along]!;
  if (!(Number.isInteger(start) && Number.isInteger(length) && start >= 0 && length >= 1 && start + length <= size)) {
    throw new ShapeError(
      `narrow: dimension ${along} of ${formatShape(x.shape)} has no ${length} elements from ${start} on`,
    );
  }
  const { rows, inner } = rowsAlong(x.shape, along);
  const y = Tensor.empty(
    x.shape.map((other, i) => (i === along ? length : other)),
    { device: x.device },
  );
  const width = length * inner;
  const whole = { row: size * inner, start: start * inner };
  launch('rows_copy', x, y, {
    ...{ rows, width, from_row: whole.row, from_start: whole.start },
    ...{ to_row: width, to_start: 0 },
  });
  const back: Node['backward'] = dy => {
    const dx = Tensor.empty(x.shape, { device: x.device });
    launch('rows_pad', dy, dx, {
      ...{ rows, width, from_row: width, from_start: 0 },
      ...{ to_row: whole.row, to_start: whole.start },
    });
    return [dx];
  };
  return record('narrow', [x], y, back, { axis: along, start });
}

/** Consecutive parts of these sizes along `axis`, as torch.split; they add up to the dimension. */
export function split(x: Tensor, sizes: readonly number[], axis = 1): Tensor[] {
  const along = normalisedAxis('split', x.shape.length, axis);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  requireShape(total === x.shape[along], 'split', `sizes ${sizes.join(' + ')} must fill dimension ${along}`, x);
  let start = 0;
  return sizes.map(size => {
    const part = narrow(x, along, start, size);
    start += size;
    return part;
  });
}

/** `chunks` parts of equal size along `axis`, the last one smaller where they do not fit, as torch.chunk. */
export function chunk(x: Tensor, chunks: number, axis = 1): Tensor[] {
  const size = x.shape[normalisedAxis('chunk', x.shape.length, axis)]!;
  if (!Number.isInteger(chunks) || chunks < 1) {
    throw new ShapeError(`chunk: the number of parts is a whole number of at least 1, not ${chunks}`);
  }
  const each = Math.ceil(size / chunks);
  const sizes = Array.from({ length: Math.ceil(size / each) }, (_, i) => Math.min(each, size - i * each));
  return split(x, sizes, axis);
}

export const concatOp: OpDefinition = {
  shader: 'rows',
  inputs: ['a', 'b', 'c?', 'd?'],
  run: ({ a, b, c, d }, params) =>
    concat(
      [a, b, c, d].filter(tensor => tensor !== undefined),
      params.axis as number,
    ),
};

export const narrowOp: OpDefinition = {
  shader: 'rows',
  inputs: ['input'],
  run: ({ input }, { axis, start, length }) => narrow(input!, axis as number, start as number, length as number),
};
