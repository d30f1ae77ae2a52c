// Preloaded: the GPU device is lost when the process is about to hand over its FACEGRAD_FAULT_AT-th batch of commands.
import { globals } from 'webgpu';

/** @type {Record<string, any>} */
const { GPUAdapter, GPUQueue } = globals;
const { requestDevice } = GPUAdapter.prototype;
const { submit } = GPUQueue.prototype;
let left = Number(process.env.FACEGRAD_FAULT_AT);
/** @type {WeakMap<GPUQueue, GPUDevice>} */
const devices = new WeakMap();

/** @param {GPUDeviceDescriptor} descriptor */
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  devices.set(device.queue, device);
  return device;
};

/** @param {Iterable<GPUCommandBuffer>} commands */
GPUQueue.prototype.submit = function (commands) {
  if (--left === 0) devices.get(this)?.destroy();
  return submit.call(this, commands);
};
