// Gaussian blur of a batch along one direction; horizontally and then vertically is the blur of
// torchvision.transforms.functional.gaussian_blur, whose two-dimensional kernel is the product of two equal ones. Outside
// pixels are mirrored (the border pixels are not repeated). Each sample has its own weights
//   w[k] = exp(−(k − K/2)²/(2·sigma²)) / Σ,
// which the host makes in double precision; (0 … 1 … 0) for a sample that is not blurred, whose bits stay as they are.
// A workgroup does a part of one sample, an invocation every so many pixels of it. Dispatch (samples/z, parts, z).

const WORKGROUP = 64u;
const CHANNELS = 1u;    // 1 or 3
const KERNEL = 3u;      // odd
const VERTICAL = false;
const BYTES = false;    // the source holds bytes, else f32
const NORMALISE = false;

struct Params {
  samples: u32, height: u32, width: u32,
  mean0: f32, mean1: f32, mean2: f32, std0: f32, std1: f32, std2: f32,
}

@group(0) @binding(0) var<storage, read> source: array<u32>;         // (N,H,W,C) bytes or f32
@group(0) @binding(1) var<storage, read> weights: array<f32>;        // (N,KERNEL)
@group(0) @binding(2) var<storage, read_write> y: array<f32>;        // (N,H,W,C)
@group(0) @binding(3) var<uniform> p: Params;

fn element(i: u32) -> f32 {
  if (BYTES) { return unpack4x8unorm(source[i / 4u] >> (8u * (i % 4u))).x; }
  return bitcast<f32>(source[i]);
}

/// Position t − KERNEL/2 of an axis of so many pixels, mirrored at its ends once: the kernel is no longer than the image.
fn mirrored(t: u32, size: u32) -> u32 {
  let last = i32(size) - 1;
  let inside = abs(i32(t) - i32(KERNEL / 2u));
  return u32(last - abs(last - inside));
}

@compute @workgroup_size(WORKGROUP)
fn augment_blur(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sample = group.z * groups.x + group.x;
  if (sample >= p.samples) { return; }
  var kernel = array<f32, KERNEL>();
  for (var k = 0u; k < KERNEL; k++) { kernel[k] = weights[sample * KERNEL + k]; }
  let mean = array(p.mean0, p.mean1, p.mean2);
  let deviation = array(p.std0, p.std1, p.std2);
  let start = group.y * WORKGROUP + lane;
  let step = groups.y * WORKGROUP;
  let rows = step / p.width;
  let columns = step % p.width;
  let base = sample * p.height * p.width;
  var row = start / p.width;
  var column = start % p.width;
  while (row < p.height) {
    var sum = array<f32, CHANNELS>();
    for (var k = 0u; k < KERNEL; k++) {
      var at = base;
      if (VERTICAL) { at += mirrored(row + k, p.height) * p.width + column; }
      else { at += row * p.width + mirrored(column + k, p.width); }
      for (var c = 0u; c < CHANNELS; c++) { sum[c] += kernel[k] * element(at * CHANNELS + c); }
    }
    for (var c = 0u; c < CHANNELS; c++) {
      var value = sum[c];
      if (NORMALISE) { value = (value - mean[c]) / deviation[c]; }
      y[(base + row * p.width + column) * CHANNELS + c] = value;
    }
    row += rows;
    column += columns;
    if (column >= p.width) { column -= p.width; row += 1u; }
  }
}
