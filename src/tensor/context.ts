import type { Device } from '../gpu/device.js';

let current: Device | undefined;

/** The device on which tensors are made when none is named. */
export function defaultDevice(): Device {
  if (!current) throw new Error('no device: call setDefaultDevice(await openDevice()) first');
  return current;
}

/** Says on which device tensors are made that are told none; undefined: on none, which throws. */
export function setDefaultDevice(device: Device | undefined): void {
  current = device;
}
