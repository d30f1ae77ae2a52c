import type { Device } from '../gpu/device.js';
import type { Tensor } from '../tensor/tensor.js';

/** Invocations a workgroup in kernels that stream memory (measured on lavapipe: 8 gives a third of the bandwidth). */
export const WORKGROUP = 64;

/** A grid of one-dimensional workgroups over `invocations`, what exceeds the adapter's limit folded into y. */
export function linearGrid(device: Device, invocations: number, workgroup = WORKGROUP): [number, number] {
  const groups = Math.ceil(invocations / workgroup);
  const y = Math.ceil(groups / device.limits.maxComputeWorkgroupsPerDimension);
  return [Math.ceil(groups / y), y];
}

/** Vec4s that hold a tensor's elements; the last may reach into the padding that every buffer has. */
export function vec4s(tensor: Tensor): number {
  return Math.ceil(tensor.size / 4);
}

/** Constants for shaders that read `V` along an innermost dimension of this many elements. */
export function vectorised(innermost: number): { lanes: number; alias: { V: string } } {
  return innermost % 4 === 0 ? { lanes: 4, alias: { V: 'vec4f' } } : { lanes: 1, alias: { V: 'f32' } };
}

/** How many parts a long sum is cut into, so that about `workgroups` have work, none below `least` positions. */
export function splitCount(groups: number, positions: number, least: number, workgroups = 256): number {
  return Math.max(1, Math.min(Math.ceil(workgroups / groups), Math.floor(positions / least)));
}

/**
 * Steps that an invocation does along one dimension (BLOCK in the shaders). To find the place of an element takes integer
 * divisions by sizes in Params, which on a CPU cost more than the element itself (docs/performance.md).
 */
export const BLOCK = 8;

/** Invocations over an image of `lines` lines (of all images), `width` pixels each, and so many vectors of channels. */
export function blockJobs(lines: number, width: number, vectors: number): number {
  return lines * Math.ceil(width / BLOCK) * vectors;
}
