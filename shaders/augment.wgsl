// One pass of an augmentation over a batch of images: geometry, brightness, contrast, noise, rectangles, normalisation.
//
// Every sample has a record of its own (src/kernels/augment_records.ts writes it). A pass reads each output pixel's place
// in the source image through STAGES affine maps, output side first,
//   q = M·(x, y, 1),  then q is held inside the stage's rectangle by its rule,
// and samples the source once, bilinearly, so that rotation, shift, scale, shear, flip and crop cost one interpolation
// together. The rules are those of an image whose border pixels have their centres on the rectangle's sides:
//   0 zero     black outside: what lies up to one pixel out fades, as bilinear sampling among zeros makes it
//   1 edge     the nearest pixel of the rectangle
//   2 reflect  mirrored at the centres of the border pixels, which are not repeated
// Then, v being values in 0..1 (formulas of torchvision.transforms.functional):
//   brightness  clamp(b·v),  contrast  clamp(c·v + (1−c)·m), m the mean of the grey image 0.2989 R + 0.587 G + 0.114 B
//   noise       v + mean + sigma·normal, clamped if asked for; rectangles replace v; (v − mean)/std as images.wgsl has it
// Normal numbers are Box and Muller's of pcg4d (dropout.wgsl) on (pixel, key, STREAM, key), the keys in the record, so that
// they depend on nothing but what the host drew.
//
// A workgroup does one sample where contrast needs its mean, else a part of one; an invocation every so many pixels of it.
// Dispatch (samples/z, parts, z): parts is 1 with CONTRAST.

const WORKGROUP = 64u;
const CHANNELS = 1u;     // 1 or 3
const BYTES = true;      // the source holds bytes, else f32
const STAGES = 1u;
const CONTRAST = false;
const NORMALISE = true;
const STREAM = 111u;     // src/kernels/augment_records.ts

const STAGE_VECTORS = 3u;
const BOX_VECTORS = 2u;
const FIRST_BOX = 3u + STAGE_VECTORS * STAGES;
const ABSENT = -1.0;     // of a brightness, contrast or sigma that this sample does not get
const ZERO = 0.0;
const REFLECT = 2.0;
const NORMAL = 2.0;      // kind of a rectangle: 0 its value, 1 the mean, 2 normal numbers about it

struct Params {
  samples: u32, boxes: u32, height: u32, width: u32, out_height: u32, out_width: u32,
  mean0: f32, mean1: f32, mean2: f32, std0: f32, std1: f32, std2: f32,
}

@group(0) @binding(0) var<storage, read> source: array<u32>;             // (N,H,W,C) bytes or f32
// A record for each sample, of FIRST_BOX + BOX_VECTORS·boxes vectors: [image, keys (2), 0]; all that follows are the bits of f32:
// [brightness, contrast, 0, 0], [sigma, mean, clip, 0]; each stage the rows of M, its rule and its rectangle,
// [m00 m01 m02 rule] [m10 m11 m12 0] [x0 y0 x1 y1]; each rectangle to be painted, ends exclusive, [x0 y0 x1 y1] [kind value 0 0]
@group(0) @binding(1) var<storage, read> records: array<vec4u>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;            // (samples,OH,OW,C)
@group(0) @binding(3) var<uniform> p: Params;

alias Pixel = array<f32, CHANNELS>;

var<workgroup> sums: array<f32, WORKGROUP>;

fn pcg4d(counters: vec4u) -> vec4u {
  var v = counters * 1664525u + 1013904223u;
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w;
  v.y += v.z * v.x;
  v.z += v.x * v.y;
  v.w += v.y * v.z;
  return v;
}

fn setting(at: u32) -> vec4f {
  return bitcast<vec4f>(records[at]);
}

/// Four standard normal numbers, of which a pixel takes one for each channel.
fn normals(pixel: u32, keys: vec2u) -> vec4f {
  let uniform_numbers = vec4f(pcg4d(vec4u(pixel, keys.x, STREAM, keys.y)) >> vec4u(8u)) / 16777216.0;
  let radius = sqrt(-2.0 * log(1.0 - uniform_numbers.xy));
  let angle = 6.283185307 * uniform_numbers.zw;
  return vec4f(radius * cos(angle), radius * sin(angle));
}

fn element(i: u32) -> f32 {
  if (BYTES) { return unpack4x8unorm(source[i / 4u] >> (8u * (i % 4u))).x; }
  return bitcast<f32>(source[i]);
}

/// t mirrored at both ends of [low, high].
fn mirrored(t: vec2f, low: vec2f, high: vec2f) -> vec2f {
  let span = max(high - low, vec2f(1e-6)); // one pixel has nothing to be mirrored; the clamp that follows gives it
  let turned = abs(t - low);
  let folded = turned - 2.0 * span * floor(turned / (2.0 * span));
  return low + span - abs(span - folded);
}

/// The source image at output pixel (x, y).
fn sampled(image: u32, x: u32, y: u32, stages: ptr<function, array<vec4f, STAGE_VECTORS * STAGES + 1u>>) -> Pixel {
  var pixel = Pixel();
  let base = image * p.height * p.width;
  if (STAGES == 0u) {
    for (var c = 0u; c < CHANNELS; c++) { pixel[c] = element((base + y * p.width + x) * CHANNELS + c); }
    return pixel;
  }
  var place = vec2f(f32(x), f32(y));
  var visible = 1.0;
  for (var s = 0u; s < STAGES; s++) {
    let first = stages[STAGE_VECTORS * s];
    let second = stages[STAGE_VECTORS * s + 1u];
    let sides = stages[STAGE_VECTORS * s + 2u];
    place = vec2f(
      first.x * place.x + first.y * place.y + first.z,
      second.x * place.x + second.y * place.y + second.z);
    if (first.w == ZERO) {
      let outside = max(sides.xy - place, place - sides.zw);
      let inside = clamp(1.0 - outside, vec2f(), vec2f(1.0));
      visible *= inside.x * inside.y;
    } else if (first.w == REFLECT) {
      place = mirrored(place, sides.xy, sides.zw);
    }
    place = clamp(place, sides.xy, sides.zw);
  }
  let corner = floor(place);
  let share = place - corner;
  let left = u32(corner.x);
  let right = min(left + 1u, p.width - 1u);
  let top = base + u32(corner.y) * p.width;
  let bottom = base + min(u32(corner.y) + 1u, p.height - 1u) * p.width;
  for (var c = 0u; c < CHANNELS; c++) {
    // a + f·(b − a), so that a share of 0 gives a's very bits.
    let a = element((top + left) * CHANNELS + c);
    let upper = a + share.x * (element((top + right) * CHANNELS + c) - a);
    let b = element((bottom + left) * CHANNELS + c);
    let lower = b + share.x * (element((bottom + right) * CHANNELS + c) - b);
    pixel[c] = visible * (upper + share.y * (lower - upper));
  }
  return pixel;
}

fn grey(pixel: Pixel) -> f32 {
  if (CHANNELS == 1u) { return pixel[0]; }
  return 0.2989 * pixel[0] + 0.587 * pixel[1 % CHANNELS] + 0.114 * pixel[2 % CHANNELS];
}

/// Noise, rectangles and normalisation of output pixel (x, y).
fn finished(given: Pixel, record: u32, x: u32, y: u32) -> Pixel {
  var pixel = given;
  let index = y * p.out_width + x;
  let keys = records[record].yz;
  let mean = array(p.mean0, p.mean1, p.mean2);
  let deviation = array(p.std0, p.std1, p.std2);
  let noise = setting(record + 2u);
  if (noise.x != ABSENT) {
    let drawn = normals(index, keys);
    for (var c = 0u; c < CHANNELS; c++) {
      let noisy = pixel[c] + noise.y + noise.x * drawn[c];
      pixel[c] = select(noisy, clamp(noisy, 0.0, 1.0), noise.z != 0.0);
    }
  }
  let place = vec2f(f32(x), f32(y));
  for (var b = 0u; b < p.boxes; b++) {
    let at = record + FIRST_BOX + BOX_VECTORS * b;
    let sides = setting(at);
    if (all(place >= sides.xy) && all(place < sides.zw)) {
      let filling = setting(at + 1u);
      // Another key than the noise has; the same for all rectangles, of which the last one counts.
      var drawn = vec4f();
      if (filling.x == NORMAL) { drawn = normals(index, vec2u(keys.x, ~keys.y)); }
      for (var c = 0u; c < CHANNELS; c++) {
        pixel[c] = select(filling.y, mean[c] + deviation[c] * drawn[c], filling.x != 0.0);
      }
    }
  }
  if (NORMALISE) {
    for (var c = 0u; c < CHANNELS; c++) { pixel[c] = (pixel[c] - mean[c]) / deviation[c]; }
  }
  return pixel;
}

@compute @workgroup_size(WORKGROUP)
fn augment_images(
  @builtin(workgroup_id) group: vec3u,
  @builtin(num_workgroups) groups: vec3u,
  @builtin(local_invocation_index) lane: u32,
) {
  let sample = group.z * groups.x + group.x;
  if (sample >= p.samples) { return; }
  let record = sample * (FIRST_BOX + BOX_VECTORS * p.boxes);
  let image = records[record].x;
  let light = setting(record + 1u);
  var stages = array<vec4f, STAGE_VECTORS * STAGES + 1u>();
  for (var i = 0u; i < STAGE_VECTORS * STAGES; i++) { stages[i] = setting(record + 3u + i); }

  // Steps of so many pixels, taken as rows and columns: no integer division for each pixel.
  let start = group.y * WORKGROUP + lane;
  let step = groups.y * WORKGROUP;
  let rows = step / p.out_width;
  let columns = step % p.out_width;
  let base = sample * p.out_height * p.out_width;

  var total = 0.0;
  var row = start / p.out_width;
  var column = start % p.out_width;
  while (row < p.out_height) {
    var pixel = sampled(image, column, row, &stages);
    if (light.x != ABSENT) {
      for (var c = 0u; c < CHANNELS; c++) { pixel[c] = clamp(light.x * pixel[c], 0.0, 1.0); }
    }
    if (CONTRAST) { total += grey(pixel); } else { pixel = finished(pixel, record, column, row); }
    for (var c = 0u; c < CHANNELS; c++) { y[(base + row * p.out_width + column) * CHANNELS + c] = pixel[c]; }
    row += rows;
    column += columns;
    if (column >= p.out_width) { column -= p.out_width; row += 1u; }
  }
  if (!CONTRAST) { return; }

  sums[lane] = total;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] += sums[lane + half]; }
  }
  workgroupBarrier();
  let mean = sums[0] / f32(p.out_height * p.out_width);
  row = start / p.out_width;
  column = start % p.out_width;
  while (row < p.out_height) {
    // An invocation reads back only what it wrote itself.
    let at = (base + row * p.out_width + column) * CHANNELS;
    var pixel = Pixel();
    for (var c = 0u; c < CHANNELS; c++) {
      pixel[c] = y[at + c];
      if (light.y != ABSENT) { pixel[c] = clamp(light.y * pixel[c] + (1.0 - light.y) * mean, 0.0, 1.0); }
    }
    pixel = finished(pixel, record, column, row);
    for (var c = 0u; c < CHANNELS; c++) { y[at + c] = pixel[c]; }
    row += rows;
    column += columns;
    if (column >= p.out_width) { column -= p.out_width; row += 1u; }
  }
}
