import { Device } from '../../src/gpu/device.js';
import { shaderText } from './shaders.js';

/** Why there is no WebGPU here, in words for the page's user. */
export class NoWebGpu extends Error {
  override readonly name = 'NoWebGpu';
}

const FEATURES: readonly GPUFeatureName[] = ['subgroups', 'shader-f16'];

/** A device of the browser's, and what tells when it is lost. */
export interface Opened {
  readonly device: Device;
  /** As the browser names it; what it keeps to itself is left out. */
  readonly adapter: string;
  readonly lost: Promise<string>;
}

/**
 * Opens the browser's WebGPU.
 * @throws {NoWebGpu} where it has none, or gives no device
 */
export async function openBrowserDevice(): Promise<Opened> {
  // Absent in browsers without it, and on pages that came over http from another machine.
  const gpu = (navigator as Partial<Navigator>).gpu;
  if (!gpu) throw new NoWebGpu(isSecureContext ? 'This browser has no WebGPU.' : INSECURE);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (!adapter) throw new NoWebGpu('This browser finds no graphics adapter that it accepts for WebGPU.');
  const limits: Record<string, number> = {};
  for (const name in adapter.limits) {
    const value = adapter.limits[name as keyof GPUSupportedLimits];
    if (typeof value === 'number') limits[name] = value;
  }
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({
      requiredFeatures: FEATURES.filter(feature => adapter.features.has(feature)),
      requiredLimits: limits,
    });
  } catch (error) {
    throw new NoWebGpu(`The graphics adapter gives no device (${(error as Error).message}).`);
  }
  return {
    device: new Device({ adapter, device, shaderText }),
    adapter: describe(adapter.info),
    lost: device.lost.then(({ message }) => message),
  };
}

const INSECURE = 'Browsers offer WebGPU only to pages from this machine or over https, and this page is neither.';

function describe({ description, vendor, architecture, device }: GPUAdapterInfo): string {
  return description || [vendor, architecture, device].filter(Boolean).join(' ') || 'a WebGPU adapter';
}
