import type { RandomStream } from '../../util/random.js';
import type { Canvas, Mask } from './canvas.js';
import { ellipse } from './curves.js';
import { bell, between, chance, clamp } from './draws.js';
import type { Person } from './person.js';
import type { Pose } from './pose.js';

/** Fills the picture with a plain, shaded or cluttered background. */
export function paintBackground(random: RandomStream, canvas: Canvas): void {
  const { pixels, size } = canvas;
  const tone = between(random, 0.05, 0.95);
  const slopeX = bell(random, 0.12);
  const slopeY = bell(random, 0.12);
  for (let i = 0; i < pixels.length; i++) {
    const x = (i % size) / size - 0.5;
    const y = Math.floor(i / size) / size - 0.5;
    pixels[i] = tone + slopeX * x + slopeY * y;
  }
  for (let things = random.integer(4); things > 0; things--) {
    const centreX = between(random, 0, size);
    const centreY = between(random, 0, size);
    const width = between(random, 0.05, 0.35) * size;
    const height = between(random, 0.05, 0.5) * size;
    const shape = chance(random, 0.5)
      ? ellipse(centreX, centreY, width, height)
      : box(centreX, centreY, width, height, bell(random, 0.3));
    canvas.fill(shape, between(random, 0, 1), between(random, 0.3, 0.9));
  }
}

/** Light from one side: brightens the picture towards it, and rounds the head by darkening it towards its rim. */
export function shineLight(random: RandomStream, canvas: Canvas, pose: Pose, person: Person, head: Mask): void {
  const { pixels, size } = canvas;
  const lightX = bell(random, 0.5);
  const lightY = bell(random, 0.3) - 0.2;
  const strength = between(random, 0.1, 0.5);
  const rim = between(random, 0.1, 0.4);
  for (let i = 0; i < pixels.length; i++) {
    const dx = (i % size) + 0.5 - pose.centreX;
    const dy = Math.floor(i / size) + 0.5 - pose.centreY;
    const u = (pose.cos * dx + pose.sin * dy) / (pose.scale * pose.aspect * person.headWidth);
    const v = (pose.cos * dy - pose.sin * dx) / pose.scale;
    const onHead = head.coverage[i]!;
    const side = clamp(lightX * u + lightY * v, -1, 1);
    const fromMiddle = Math.min(1.2, u * u + v * v);
    pixels[i]! *= 1 + strength * side * (0.4 + 0.6 * onHead) - rim * onHead * fromMiddle * fromMiddle;
  }
}

/** Something in front of the face, now and then: a hand, a microphone, somebody's shoulder. */
export function paintObstacle(random: RandomStream, canvas: Canvas, person: Person): void {
  if (!chance(random, 0.1)) return;
  const { size } = canvas;
  const tone = chance(random, 0.5) ? person.skin * 0.9 : between(random, 0.05, 0.95);
  const fromLeft = chance(random, 0.5);
  const reach = between(random, 0.1, 0.3) * size;
  const centreY = between(random, 0.35, 1) * size;
  const thickness = between(random, 0.06, 0.14) * size;
  canvas.fill(box(fromLeft ? 0 : size, centreY, reach, thickness, bell(random, 0.4)), tone);
}

/** What the camera does: blur, exposure (for the head), contrast and noise. Turns the tones into bytes, written to `out`. */
export function takePicture(random: RandomStream, canvas: Canvas, head: Mask, out: Uint8Array): void {
  canvas.blur(between(random, 0, 0.22));
  const exposure = clamp(between(random, 0.42, 0.64) / meanTone(canvas, head), 0.5, 2);
  const contrast = between(random, 0.8, 1.2);
  const brightness = bell(random, 0.04);
  const noise = between(random, 0, 0.022);
  for (let i = 0; i < out.length; i++) {
    const tone = 0.5 + brightness + contrast * (exposure * canvas.pixels[i]! - 0.5) + noise * grain(random.uint32());
    out[i] = Math.round(clamp(tone, 0, 1) * 255);
  }
}

/** Cameras expose for the face that they find. */
function meanTone(canvas: Canvas, head: Mask): number {
  let sum = 0;
  let weight = 0;
  for (let i = 0; i < canvas.pixels.length; i++) {
    sum += canvas.pixels[i]! * head.coverage[i]!;
    weight += head.coverage[i]!;
  }
  return sum / weight;
}

/** Nearly normal noise of deviation 1 from one random word: its four bytes summed, for there are many pixels. */
function grain(word: number): number {
  const sum = (word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24);
  return (sum - 510) / 147.8;
}

/** A rectangle of half-sizes `width` and `height`, slanted. */
function box(x: number, y: number, width: number, height: number, slant: number): number[] {
  const tilt = slant * width;
  return [
    x - width,
    y - height - tilt,
    x + width,
    y - height + tilt,
    x + width,
    y + height + tilt,
    x - width,
    y + height - tilt,
  ];
}
