import type { Device } from '../../gpu/device.js';
import type { Choice } from './choice.js';

/** Workgroups that a long sum is cut for by default, and what else is tried: a GPU of many cores wants more. */
export const WORKGROUPS = 256;
export const OTHER_WORKGROUPS = [64, 1024, 4096] as const;

/**
 * Lanes that kernels may count on. A subgroup has the adapter's least number or more; some backends name a range (Metal: 4
 * to 64) where subgroups of 32 are what there is, so these are worth a try. Kernels look at the real number and put NaN
 * into their result where it does not do (shaders/conv2d.wgsl). Not on Intel, whose driver takes another number for each
 * kernel: one that was tried says nothing of the next.
 */
export function laneCounts(device: Device): readonly number[] {
  const least = device.subgroupSize;
  if (least < 4) return [];
  const most = device.info.subgroupMaxSize ?? least;
  return least < 32 && most >= 32 && device.info.vendor !== 'intel' ? [least, 32] : [least];
}

/** Subgroups a workgroup: several only where the adapter names one number of lanes, since they are told apart by it. */
export function subgroupCounts(device: Device, lanes: number): readonly number[] {
  const exact = device.info.subgroupMinSize === device.info.subgroupMaxSize;
  const most = device.limits.maxComputeInvocationsPerWorkgroup;
  return [1, ...(exact ? [2, 4].filter(count => count * lanes <= Math.min(most, 256)) : [])];
}

/** Blocks of the portable kernels: `threads` invocations a side, `per` values each a side, slices `depth` deep. */
const TILES = [
  // What llama.cpp found to serve GPUs of four vendors best: 4x4 values for each of 8x8, 8 deep.
  [8, 4, 8],
  [8, 4, 16],
  [8, 4, 32],
  // For results of few rows or columns.
  [8, 2, 16],
  [4, 4, 16],
  // For large ones: each staged value is used more often.
  [16, 4, 16],
  [8, 8, 8],
  [16, 8, 8],
] as const;

/** The default block of a portable kernel. */
export function portableTile(shader: string): Choice {
  return tile(shader, 8, 4, 16);
}

/** All blocks that fit into this adapter. */
export function portableTiles(shader: string, { limits }: Device): Choice[] {
  return TILES.filter(
    ([threads, per, depth]) =>
      threads * threads <= limits.maxComputeInvocationsPerWorkgroup &&
      2 * depth * threads * per * 4 <= limits.maxComputeWorkgroupStorageSize,
  ).map(([threads, per, depth]) => tile(shader, threads, per, depth));
}

function tile(shader: string, threads: number, per: number, depth: number): Choice {
  // A value's sum is made of those of its slices.
  return { shader, values: { THREADS: threads, PER: per, DEPTH: depth }, order: `slices of ${depth}` };
}

/** The choice for a sum that is cut for this many workgroups. */
export function cutFor(workgroups: number, { shader, values, order }: Choice): Choice {
  // Each shader cuts in its own way.
  return { shader, values: { ...values, workgroups }, order: `${order}, cut by ${shader} for ${workgroups}` };
}

/** The same choices, each with every number of workgroups that a sum may be cut for. */
export function cut(choices: readonly Choice[]): Choice[] {
  return [WORKGROUPS, ...OTHER_WORKGROUPS].flatMap(workgroups => choices.map(choice => cutFor(workgroups, choice)));
}
