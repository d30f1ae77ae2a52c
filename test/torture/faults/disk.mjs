// Preloaded: the process may write FACEGRAD_FAULT_ROOM bytes into files, and then finds every disk full: of what has no room
// the beginning is written, as a disk does it. For where no small disk can be mounted.
import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { URL } from 'node:url';

let room = Number(process.env.FACEGRAD_FAULT_ROOM);
const full = () => Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });

const handle = await open(new URL(import.meta.url));
const prototype = Object.getPrototypeOf(handle);
await handle.close();

const { writeFile } = prototype;
/** @param {Uint8Array | string} content */
prototype.writeFile = async function (content) {
  const bytes = Buffer.from(content);
  const fits = bytes.length <= room;
  await writeFile.call(this, fits ? bytes : bytes.subarray(0, room));
  room -= Math.min(room, bytes.length);
  if (!fits) throw full();
};

/** @type {Record<string, any>} */
const files = fs;
const { writeSync } = files;
/**
 * @param {number} file
 * @param {Uint8Array} bytes
 * @param {number} at
 */
files.writeSync = function (file, bytes, at = 0) {
  if (room === 0) throw full();
  const written = writeSync(file, bytes, at, Math.min(room, bytes.length - at));
  room -= written;
  return written;
};
syncBuiltinESMExports();
