// Asks Dawn for a device and prints what it found as one line of JSON. A process of its own, because a broken driver may
// crash or hang the process that loads it.

/** @param {object} answer */
const print = answer => process.stdout.write(`${JSON.stringify(answer)}\n`);

/** @type {typeof import('webgpu') | undefined} */
let webgpu;
try {
  webgpu = await import('webgpu');
} catch (error) {
  print({ unusable: error instanceof Error ? error.message : String(error) });
}

// Exported so that V8 keeps it: Dawn aborts when this object is collected while its adapter or device is in use.
export const gpu = webgpu?.create([]);

if (gpu) {
  const adapter = await gpu.requestAdapter();
  if (adapter) {
    const device = await adapter.requestDevice();
    const { vendor, architecture, description } = adapter.info;
    print({ adapter: description || [vendor, architecture].filter(Boolean).join(' ') || 'unnamed adapter' });
    device.destroy();
  } else {
    print({ adapter: null });
  }
}
