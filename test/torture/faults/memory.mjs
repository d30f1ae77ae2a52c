// Preloaded: the GPU lets a kernel bind FACEGRAD_FAULT_BINDING bytes at most, or has only FACEGRAD_FAULT_BYTES of memory. A
// buffer that has no room there is one of no use, and the error scope that is open says so, as WebGPU has it. (Software Vulkan
// takes the machine's memory, and at its end the process's life.)
import { globals } from 'webgpu';

/** @type {Record<string, any>} */
const { GPUAdapter, GPUBuffer, GPUDevice } = globals;
const { createBuffer, popErrorScope } = GPUDevice.prototype;
const { destroy } = GPUBuffer.prototype;
const { requestDevice } = GPUAdapter.prototype;
const binding = process.env.FACEGRAD_FAULT_BINDING;
let left = Number(process.env.FACEGRAD_FAULT_BYTES ?? Infinity);
/** @type {WeakMap<GPUDevice, Error>} */
const lacks = new WeakMap();

/** @param {GPUDeviceDescriptor} descriptor */
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  if (binding === undefined) return device;
  // What is asked for may not be less than WebGPU's default, so the device only says that it is.
  const limits = new Proxy(device.limits, {
    get: (given, key) => (key === 'maxStorageBufferBindingSize' ? Number(binding) : Reflect.get(given, key)),
  });
  return Object.defineProperty(device, 'limits', { value: limits });
};

/** @param {GPUBufferDescriptor} descriptor */
GPUDevice.prototype.createBuffer = function (descriptor) {
  if (descriptor.size <= left) {
    left -= descriptor.size;
    return createBuffer.call(this, descriptor);
  }
  if (!lacks.has(this)) lacks.set(this, new Error('Out of memory.'));
  // Too large for any adapter: Dawn gives an invalid buffer, whose use is an error too.
  return createBuffer.call(this, { ...descriptor, size: this.limits.maxBufferSize + 4 });
};

GPUBuffer.prototype.destroy = function () {
  left += this.size;
  return destroy.call(this);
};

GPUDevice.prototype.popErrorScope = async function () {
  const lack = lacks.get(this);
  lacks.delete(this);
  return (await popErrorScope.call(this)) ?? lack ?? null;
};
