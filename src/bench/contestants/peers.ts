import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Where `npm run bench:peers` installs what facegrad is measured against; a published package does not have it. */
const FOLDER = new URL('../../../bench/', import.meta.url);
const requirePeer = createRequire(new URL('package.json', FOLDER));

/** Whether a package is installed there. */
export function hasPeer(name: string): boolean {
  return existsSync(fileURLToPath(new URL(`node_modules/${name}/package.json`, FOLDER)));
}

/** Loads a package from there as CommonJS, so that packages that need each other meet in one instance. */
export function loadPeer(name: string): unknown {
  return requirePeer(name);
}

/** Loads a package from there that is an ES module. */
export async function importPeer(name: string): Promise<unknown> {
  return await import(pathToFileURL(requirePeer.resolve(name)).href);
}
