import type { Device } from '../src/gpu/device.js';
import { openDevice } from '../src/gpu/node.js';

const opened = new Map<string, Promise<Device>>();

function once(name: string, open: () => Promise<Device>): Promise<Device> {
  let device = opened.get(name);
  if (!device) {
    device = open();
    opened.set(name, device);
  }
  return device;
}

/** The paths that every operation is tested on: with the adapter's subgroups where it has them, and without. */
export const paths = {
  native: () => once('native', () => openDevice()),
  portable: () => once('portable', () => openDevice({ subgroups: false })),
};

export const pathNames = Object.keys(paths) as (keyof typeof paths)[];
