import { create } from 'webgpu';
import { beforeAll, describe, expect, it } from 'vitest';
import { ampProblem, MATRIX_FEATURE, matrixShape, type MatrixShape } from '../../src/gpu/matrices.js';
import { shaderText } from '../../src/gpu/node.js';
import { parseShader, specialise } from '../../src/gpu/shader.js';
import { matrixTiles } from '../../src/kernels/matrix_tiles.js';
import type { Choice } from '../../src/kernels/tuning/choice.js';

const all = new Set([MATRIX_FEATURE, 'shader-f16', 'subgroups']);

function info(lanes: readonly [number, number], ...configs: readonly (readonly [string, string, ...number[]])[]) {
  return {
    subgroupMinSize: lanes[0],
    subgroupMaxSize: lanes[1],
    subgroupMatrixConfigs: configs.map(([componentType, resultComponentType, M, N, K]) => ({
      ...{ componentType, resultComponentType, M, N, K },
    })),
  } as unknown as GPUAdapterInfo;
}

describe('matrixShape', () => {
  it('takes the largest of f16 operands with an f32 result', () => {
    const nvidia = info(
      [32, 32],
      ['f16', 'f16', 16, 16, 16],
      ['f16', 'f32', 16, 8, 8],
      ['f16', 'f32', 16, 16, 16],
      ['f16', 'f32', 16, 8, 16],
      ['i8', 'i32', 16, 16, 32],
    );
    expect(matrixShape(nvidia, all)).toEqual({ m: 16, n: 16, k: 16, lanes: 32 });
  });

  it.each([
    ['subgroup matrices', info([32, 32], ['f16', 'f32', 16, 16, 16]), new Set(['shader-f16', 'subgroups'])],
    ['16-bit floats', info([32, 32], ['f16', 'f32', 16, 16, 16]), new Set([MATRIX_FEATURE, 'subgroups'])],
    ['fixed number of lanes', info([8, 32], ['f16', 'f32', 16, 16, 16]), all],
    ['32-bit result', info([32, 32], ['f32', 'f32', 8, 8, 8], ['f16', 'f16', 8, 8, 8]), all],
    ['32-bit result', info([32, 32], ['f16', 'f32', 12, 16, 16]), all],
  ])('says that an adapter has no %s', (what, adapter, features) => {
    expect(matrixShape(adapter, features)).toContain(what);
    expect(ampProblem({ info: adapter, features })).toMatch(
      /^this adapter has no .*: --precision amp runs in f32 here$/,
    );
  });
});

// An adapter that offers the language and runs nothing: compilers and validation are the real ones.
describe('the matrix shaders compile to pipelines', () => {
  const gpu = create(['backend=null', 'enable-dawn-features=allow_unsafe_apis']);
  let device: GPUDevice;
  beforeAll(async () => {
    const adapter = (await gpu.requestAdapter())!;
    device = await adapter.requestDevice({ requiredFeatures: [...all] as GPUFeatureName[] });
  });

  it.each([
    ['matmul_matrix', 16, 16, 16],
    ['matmul_matrix', 8, 8, 8],
    ['conv2d_matrix', 16, 16, 16],
    ['conv2d_matrix', 16, 8, 16],
  ])('%s %ix%ix%i', async (name, m, n, k) => {
    const shape: MatrixShape = { m, n, k, lanes: 32 };
    const shader = parseShader(name, shaderText(name));
    // This adapter's subgroups have up to 128 lanes, of which a workgroup must be made.
    const whole = ({ values }: Choice) => (32 * values['DOWN']! * values['ACROSS']!) % 128 === 0;
    const tiles = matrixTiles(name, device, shape).filter(whole);
    expect(tiles.length).toBeGreaterThan(1);
    for (const { values } of tiles) {
      const code = specialise(shader, { ...values, BIAS: true, ACTIVATION: 1 });
      const module = device.createShaderModule({ code });
      expect((await module.getCompilationInfo()).messages.map(({ message }) => message)).toEqual([]);
      for (const entryPoint of shader.entryPoints) {
        await device.createComputePipelineAsync({ layout: 'auto', compute: { module, entryPoint } });
      }
    }
  });
});

describe('text that both matrix shaders share', () => {
  it('is the same in both', () => {
    const tiles = (name: string) =>
      /\/\/ --- tiles of subgroup matrices:[^]*\/\/ --- end of tiles of subgroup matrices ---/.exec(
        shaderText(name),
      )?.[0];
    expect(tiles('matmul_matrix')).toBeDefined();
    expect(tiles('conv2d_matrix')).toBe(tiles('matmul_matrix'));
  });
});
