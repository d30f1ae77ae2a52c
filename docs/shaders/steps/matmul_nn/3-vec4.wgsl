// Step 3 of docs/shaders/matmul.md: no workgroup memory; an invocation keeps ROWS rows by one vec4 of columns in registers.
// a (M,K), b (K,N), c (M,N), row-major; K and N are multiples of four.

const ROWS = 8u;

struct Params { m: u32, n: u32, k: u32 }

@group(0) @binding(0) var<storage, read> a: array<vec4f>;
@group(0) @binding(1) var<storage, read> b: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> c: array<vec4f>;
@group(0) @binding(3) var<uniform> p: Params;

//! dispatch (ceil(n / 32), ceil(m / ROWS))
@compute @workgroup_size(8)
fn matmul(@builtin(global_invocation_id) id: vec3u) {
  let n4 = p.n / 4u;
  let k4 = p.k / 4u;
  if (id.x >= n4) { return; }
  let row = id.y * ROWS;
  var acc: array<vec4f, ROWS>;
  for (var q = 0u; q < k4; q++) {
    let b0 = b[(q * 4u) * n4 + id.x];
    let b1 = b[(q * 4u + 1u) * n4 + id.x];
    let b2 = b[(q * 4u + 2u) * n4 + id.x];
    let b3 = b[(q * 4u + 3u) * n4 + id.x];
    for (var r = 0u; r < ROWS; r++) {
      let v = a[min(row + r, p.m - 1u) * k4 + q];
      acc[r] = fma(vec4f(v.x), b0, fma(vec4f(v.y), b1, fma(vec4f(v.z), b2, fma(vec4f(v.w), b3, acc[r]))));
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    if (row + r < p.m) { c[(row + r) * n4 + id.x] = acc[r]; }
  }
}
