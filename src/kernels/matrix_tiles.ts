import type { Device } from '../gpu/device.js';
import type { MatrixShape } from '../gpu/matrices.js';
import type { Choice, Values } from './tuning/choice.js';

/**
 * Blocks of the result in rows and columns a subgroup, and subgroups down and across a workgroup; the first is the default.
 * llama.cpp found large blocks of few subgroups to serve GPUs of four vendors; the others are for results of few rows or
 * columns, and for GPUs with more workgroup memory.
 */
const BLOCKS = [
  [64, 32, 2, 2],
  [32, 32, 2, 2],
  [64, 32, 2, 4],
  [32, 64, 4, 2],
  [32, 32, 1, 1],
  [32, 32, 2, 1],
] as const;

const DEPTH = 32;

type TileName = 'M_SIZE' | 'N_SIZE' | 'ROWS' | 'COLUMNS' | 'DOWN' | 'ACROSS';

/** Rows and columns of the result that a workgroup of this choice computes. */
export function matrixBlock({ values }: Choice): [number, number] {
  const { M_SIZE, N_SIZE, ROWS, COLUMNS, DOWN, ACROSS } = values as Values<TileName>;
  return [M_SIZE * ROWS * DOWN, N_SIZE * COLUMNS * ACROSS];
}

/** All blocks of a kernel of subgroup matrices that fit into this adapter, the default first. Their sums are the same. */
export function matrixTiles(shader: string, { limits }: Pick<Device, 'limits'>, shape: MatrixShape): Choice[] {
  const { m, n, k, lanes } = shape;
  return BLOCKS.filter(([rows, columns, down, across]) => {
    const bytes = 2 * DEPTH * (rows * down + columns * across) + 4 * m * n * down * across;
    return (
      bytes <= limits.maxComputeWorkgroupStorageSize &&
      lanes * down * across <= limits.maxComputeInvocationsPerWorkgroup
    );
  }).map(([rows, columns, down, across]) => ({
    shader,
    values: {
      ...{ SG: lanes, M_SIZE: m, N_SIZE: n, K_SIZE: k, DEPTH },
      ...{ ROWS: rows / m, COLUMNS: columns / n, DOWN: down, ACROSS: across },
    },
    order: `f16 matrices ${k} deep`,
  }));
}
