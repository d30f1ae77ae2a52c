// Mixup and cutmix: each sample with the one before it in the batch, the first with the last
// (torchvision.transforms.v2.MixUp and CutMix, which roll the batch by one):
//   y[n] = λ·x[n] + (1−λ)·x[n−1] inside the sample's rectangle, x[n] outside.
// Mixup's rectangle is the whole image (Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018); cutmix has
// λ = 0 in a part of it (Yun et al., "CutMix", ICCV 2019). A sample with λ = 1 keeps its bits.
// An invocation does one pixel. Dispatch (ceil(pixels/WORKGROUP/y), y).

const WORKGROUP = 64u;
const CHANNELS = 1u;

struct Params { samples: u32, height: u32, width: u32 }

@group(0) @binding(0) var<storage, read> x: array<f32>;          // (N,H,W,C)
@group(0) @binding(1) var<storage, read> mixes: array<vec4f>;    // (N,2): [λ 0 0 0], [x0 y0 x1 y1] with ends exclusive
@group(0) @binding(2) var<storage, read_write> y: array<f32>;    // (N,H,W,C)
@group(0) @binding(3) var<uniform> p: Params;

@compute @workgroup_size(WORKGROUP)
fn augment_mix(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let i = id.y * groups.x * WORKGROUP + id.x;
  let pixels = p.height * p.width;
  let sample = i / pixels;
  if (sample >= p.samples) { return; }
  let within = i - sample * pixels;
  let place = vec2f(f32(within % p.width), f32(within / p.width));
  let sides = mixes[2u * sample + 1u];
  let inside = all(place >= sides.xy) && all(place < sides.zw);
  let share = select(1.0, mixes[2u * sample].x, inside);
  let partner = (select(sample, p.samples, sample == 0u) - 1u) * pixels + within;
  for (var c = 0u; c < CHANNELS; c++) {
    let own = x[i * CHANNELS + c];
    let mixed = share * own + (1.0 - share) * x[partner * CHANNELS + c];
    y[i * CHANNELS + c] = select(mixed, own, share == 1.0);
  }
}
