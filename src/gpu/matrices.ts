/** The dawn.node feature that lets WGSL use subgroup matrices (the hardware's are called tensor cores or matrix units). */
export const MATRIX_FEATURE = 'chromium-experimental-subgroup-matrix';

/** What networks are computed in: `amp` (automatic mixed precision) rounds operands of products and convolutions to f16. */
export type Precision = 'f32' | 'amp';

/** Subgroup matrices of f16 operands and an f32 result: a left one has m rows and k columns, a right one k and n. */
export interface MatrixShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Lanes of the subgroup that holds one. */
  readonly lanes: number;
}

/** As Dawn describes what an adapter multiplies; not in WebGPU's types yet. */
interface MatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

type Info = GPUAdapterInfo & { readonly subgroupMatrixConfigs?: readonly MatrixConfig[] };

/**
 * The subgroup matrices that kernels use on this adapter, or in words what it lacks for them. Of several shapes the largest:
 * it does the most for each load.
 */
export function matrixShape(info: Info, features: ReadonlySet<string>): MatrixShape | string {
  if (!features.has(MATRIX_FEATURE)) return 'no subgroup matrices';
  if (!features.has('shader-f16')) return 'no 16-bit floats in shaders';
  const { subgroupMinSize: lanes = 0, subgroupMaxSize: most = 0 } = info;
  // Subgroups of a workgroup are told apart by that number.
  if (!features.has('subgroups') || lanes !== most) return 'no fixed number of lanes in its subgroups';
  const shapes = [...(info.subgroupMatrixConfigs ?? [])]
    .filter(config => config.componentType === 'f16' && config.resultComponentType === 'f32')
    // Tiles are made of powers of two, and staged in slices of 32 along k.
    .filter(({ M, N, K }) => [M, N, K].every(size => [8, 16, 32].includes(size)))
    .sort((a, b) => b.M * b.N * b.K - a.M * a.N * a.K);
  const [best] = shapes;
  return best ? { m: best.M, n: best.N, k: best.K, lanes } : 'no matrices of 16-bit operands with a 32-bit result';
}

/** What stands against mixed precision on a device that was opened for it; undefined where nothing does. */
export function ampProblem({ info, features }: { info: Info; features: ReadonlySet<string> }): string | undefined {
  const shape = matrixShape(info, features);
  return typeof shape === 'string' ? `this adapter has ${shape}: --precision amp runs in f32 here` : undefined;
}
