// Channel shuffle (Zhang et al., "ShuffleNet", 2018, section 3.1): channels in `groups` groups of C/groups are dealt out
// one from each group in turn.
//
//   y[…, j·groups + g] = x[…, g·(C/groups) + j]
//
// x and y (N,H,W,C), channels innermost; its own gradient with C/groups groups. An invocation gathers four elements of y
// (channel_shuffle, C a multiple of four) or one (channel_shuffle_scalar). Dispatch (ceil(count/WORKGROUP/y), y).

const WORKGROUP = 64u;

struct Params { count: u32, c: u32, groups: u32, size: u32 } // count of invocations; c = groups · size

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
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let channel = (4u * i) % p.c;
  let base = 4u * i - channel;
  y[i] = vec4f(
    x[base + origin(channel)],
    x[base + origin(channel + 1u)],
    x[base + origin(channel + 2u)],
    x[base + origin(channel + 3u)],
  );
}

@compute @workgroup_size(WORKGROUP)
fn channel_shuffle_scalar(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  if (i >= p.count) { return; }
  let channel = i % p.c;
  y_scalar[i] = x[i - channel + origin(channel)];
}
