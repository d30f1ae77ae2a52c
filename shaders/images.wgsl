// Image bytes to normalised values: y = (byte/255 − mean[c]) / std[c], channels innermost on both sides.
// An invocation does the four bytes of a word. Dispatch (ceil(words/WORKGROUP/y), y).

const WORKGROUP = 64u;

struct Params {
  words: u32, channels: u32,
  mean0: f32, mean1: f32, mean2: f32, mean3: f32,
  std0: f32, std1: f32, std2: f32, std3: f32,
}

@group(0) @binding(0) var<storage, read> bytes: array<u32>;        // (N,H,W,C) bytes
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;    // (N,H,W,C)
@group(0) @binding(2) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn images_normalise(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.words) { return; }
  let mean = array(p.mean0, p.mean1, p.mean2, p.mean3);
  let deviation = array(p.std0, p.std1, p.std2, p.std3);
  let v = unpack4x8unorm(bytes[i]);
  let c = (vec4u(4u * i) + vec4u(0u, 1u, 2u, 3u)) % p.channels;
  y[i] = (v - vec4f(mean[c.x], mean[c.y], mean[c.z], mean[c.w])) / vec4f(deviation[c.x], deviation[c.y], deviation[c.z], deviation[c.w]);
}
