import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { shaderText } from '../../src/gpu/node.js';
import { parseShader, specialise } from '../../src/gpu/shader.js';

const text = `
// Comments may say @group(0) @binding(9) var<storage, read> nothing: array<f32>;
enable subgroups;
alias V = vec4f;
const TILE = 16u;
const SIGNED = 3;
const FACTOR = 0.5;
const FLAG = false;
const TWICE = TILE * 2u;
struct Params { n: u32, shift: i32, scale: f32 }
@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read_write> y: array<V>;
@group(0) @binding(2) var<uniform> p: Params;
@compute @workgroup_size(TILE)
fn main(@builtin(global_invocation_id) id: vec3u) { y[id.x] = x[id.x]; }
`;

describe('parseShader', () => {
  const shader = parseShader('sample', text);

  it('reads bindings with their access, parameters and entry points', () => {
    expect(Object.fromEntries(shader.bindings)).toEqual({
      x: { index: 0, access: 'read' },
      y: { index: 1, access: 'read_write' },
      p: { index: 2, access: 'uniform' },
    });
    expect(shader.params).toEqual([
      { name: 'n', type: 'u32' },
      { name: 'shift', type: 'i32' },
      { name: 'scale', type: 'f32' },
    ]);
    expect([...shader.entryPoints]).toEqual(['main']);
    expect(shader.needsSubgroups).toBe(true);
  });

  it('refuses a parameter block that is not of four-byte scalars', () => {
    expect(() => parseShader('bad', text.replace('shift: i32', 'shift: vec2f'))).toThrow('field shift of Params');
  });

  it('specialises constants and aliases in the form they stand in', () => {
    const special = specialise(shader, { TILE: 8, SIGNED: -2, FACTOR: 2, FLAG: true, V: 'f32' });
    expect(special).toContain('const TILE = 8u;');
    expect(special).toContain('const SIGNED = -2;');
    expect(special).toContain('const FACTOR = 2.0;');
    expect(special).toContain('const FLAG = true;');
    expect(special).toContain('alias V = f32;');
    expect(special).toContain('const TWICE = TILE * 2u;');
    expect(() => specialise(shader, { TILES: 8 })).toThrow('sample.wgsl declares no constant TILES');
  });
});

describe('shaders/', () => {
  const files = readdirSync(new URL('../../shaders/', import.meta.url));
  it.each(files)('%s begins with its purpose and is in the house form', file => {
    const source = readFileSync(new URL(`../../shaders/${file}`, import.meta.url), 'utf8');
    expect(source.startsWith('// ')).toBe(true);
    expect(source).toMatch(/Dispatch/i);
    const name = file.replace('.wgsl', '');
    expect(shaderText(name)).toBe(source);
    expect(parseShader(name, source).entryPoints.size).toBeGreaterThan(0);
  });
});
