// Channel shuffle (Zhang et al., "ShuffleNet", 2018, section 3.1): channels in `groups` groups of C/groups are dealt out
// one from each group in turn.
//
//   y[…, j·groups + g] = x[…, g·(C/groups) + j]
//
// x and y (N,H,W,C), channels innermost; its own gradient with C/groups groups. An invocation gathers four channels of y
// (channel_shuffle, C a multiple of four) or one (channel_shuffle_scalar) in BLOCK pixels: the divisions that find the
// channels are dear. Dispatch (ceil(ceil(pixels/BLOCK)·C/4/WORKGROUP/y), y), with C for channel_shuffle_scalar.

const WORKGROUP = 64u;
const BLOCK = 8u;

struct Params { pixels: u32, c: u32, groups: u32, size: u32 } // c = groups · size

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> y_scalar: array<f32>;
@group(0) @binding(2) var<uniform> p: Params;

// The channel of x that a channel of y comes from.
fn origin(channel: u32) -> u32 {
  return (channel % p.groups) * p.size + channel / p.groups;
}

@compute @workgroup_size(WORKGROUP)
fn channel_shuffle(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = id.y * groups.x * WORKGROUP + id.x;
  let vectors = p.c / 4u;
  let block = job / vectors;
  let channel = job - block * vectors; // in vec4
  let from_x = vec4u(origin(4u * channel), origin(4u * channel + 1u), origin(4u * channel + 2u), origin(4u * channel + 3u));
  for (var pixel = block * BLOCK; pixel < min(block * BLOCK + BLOCK, p.pixels); pixel++) {
    let at = vec4u(pixel * p.c) + from_x;
    y[pixel * vectors + channel] = vec4f(x[at.x], x[at.y], x[at.z], x[at.w]);
  }
}

@compute @workgroup_size(WORKGROUP)
fn channel_shuffle_scalar(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let job = id.y * groups.x * WORKGROUP + id.x;
  let block = job / p.c;
  let channel = job - block * p.c;
  let from_x = origin(channel);
  for (var pixel = block * BLOCK; pixel < min(block * BLOCK + BLOCK, p.pixels); pixel++) {
    y_scalar[pixel * p.c + channel] = x[pixel * p.c + from_x];
  }
}
