import { create } from 'webgpu';
import { Device } from '../src/gpu/device.js';
import type { MatrixShape } from '../src/gpu/matrices.js';
import { shaderText, waitInTurns } from '../src/gpu/node.js';

/**
 * What stands in the shaders for a subgroup's matrices, in scalar code, so that all the rest of them (which value goes where,
 * edges, splits, rounding) runs on adapters that have none. Operands stay in the tiles; each lane keeps its share of a result.
 */
const EMULATION = `
struct Left { at: u32 }
struct Right { at: u32 }
const SHARE = M_SIZE * N_SIZE / SG;
// Bounds that the compiler cannot see: unrolled, this would take it minutes.
fn hidden(bound: u32) -> u32 { return min(bound, bound * p.n); }
alias Result = array<f32, SHARE>;

fn load_left(at: u32) -> Left { return Left(at); }
fn load_right(at: u32) -> Right { return Right(at); }
fn multiply_add(a: Left, b: Right, c: Result, lane: u32) -> Result {
  var sum = c;
  for (var i = 0u; i < hidden(SHARE); i++) {
    let row = (i * SG + lane) / N_SIZE;
    let column = (i * SG + lane) % N_SIZE;
    for (var k = 0u; k < hidden(K_SIZE); k++) {
      sum[i] += f32(a_tile[a.at + row * DEPTH + k]) * f32(b_tile[b.at + k * TILE_N + column]);
    }
  }
  return sum;
}
fn store_result(at: u32, c: Result, lane: u32) {
  for (var i = 0u; i < hidden(SHARE); i++) { c_tile[at + i * SG + lane] = c[i]; }
}
`;
const LANGUAGE =
  /\/\/ --- the language of subgroup matrices begins[^]*\/\/ --- the language of subgroup matrices ends ---\n/;

function emulated(name: string): string {
  const text = shaderText(name);
  if (!name.endsWith('_matrix')) return text;
  if (!LANGUAGE.test(text)) throw new Error(`${name}.wgsl does not say where the language of matrices begins and ends`);
  return text
    .replace('diagnostic(off, chromium.subgroup_matrix_uniformity);\n', '')
    .replace('enable chromium_experimental_subgroup_matrix;\n', '')
    .replace(LANGUAGE, EMULATION);
}

/** Three different sizes, so that none can stand for another. Lanes meet at the shaders' barriers here: any number will do. */
export const SIZES: MatrixShape = { m: 8, n: 16, k: 32, lanes: 64 };

/** A device whose products and convolutions take the matrix shaders. */
export async function openEmulated(matrices = SIZES): Promise<Device> {
  const gpu = create([]);
  const adapter = (await gpu.requestAdapter())!;
  const device = await adapter.requestDevice({ requiredFeatures: ['shader-f16', 'subgroups'] });
  return new Device({ adapter, device, shaderText: emulated, wait: waitInTurns, keepAlive: gpu, matrices });
}
