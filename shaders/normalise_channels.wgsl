// Normalisation of an image's channels, repeating a grey one where there is more than one result: what networks that were
// trained on colours take.
//
//   y[n,c] = (x[n, c or 0] − mean[c])/std[c],   dx[n, c or 0] = Σ dy/std over what it was repeated to
//
// x and dx (N,H,W,C or 1), y and dy (N,H,W,C), channels innermost, C <= 4. An invocation does four elements of y, or one of
// dx. Dispatch (ceil(count/WORKGROUP/y), y).

const WORKGROUP = 64u;

struct Params {
  count: u32, c: u32, repeats: u32, // count of invocations; c channels of y, each of x's repeated so many times
  mean0: f32, mean1: f32, mean2: f32, mean3: f32,
  std0: f32, std1: f32, std2: f32, std3: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(0) var<storage, read> dy: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn normalise_channels_forward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let mean = array(p.mean0, p.mean1, p.mean2, p.mean3);
  let deviation = array(p.std0, p.std1, p.std2, p.std3);
  // One division finds the first of the four; the others follow by counting.
  let first = 4u * i;
  var pixel = first / p.c;
  var c = first - pixel * p.c;
  var v: vec4f;
  for (var lane = 0u; lane < 4u; lane++) {
    // The last four may reach past the end: such reads stay inside x, and what they give lands in room (src/gpu/pool.ts).
    v[lane] = (x[select(pixel, first + lane, p.repeats == 1u)] - mean[c]) / deviation[c];
    c++;
    if (c == p.c) {
      c = 0u;
      pixel++;
    }
  }
  y[i] = v;
}

@compute @workgroup_size(WORKGROUP)
fn normalise_channels_backward(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let deviation = array(p.std0, p.std1, p.std2, p.std3);
  // An input has one result, or one in each channel.
  let c = select(0u, i % p.c, p.repeats == 1u);
  var sum = 0.0;
  for (var k = 0u; k < p.repeats; k++) { sum += dy[i * p.repeats + k] / deviation[c + k]; }
  dx[i] = sum;
}
