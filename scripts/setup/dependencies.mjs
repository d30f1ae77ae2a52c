import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

/**
 * One entry of `packages` in package-lock.json; npm writes what it installed in the same form to
 * node_modules/.package-lock.json, last of all, so an interrupted install leaves no such file.
 *
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, os?: string[], cpu?: string[], libc?: string[] }} LockEntry
 */

/**
 * The first reason why node_modules does not hold what package-lock.json asks for, or null. Contents are compared, not
 * times: a checkout touches the lock file without changing it.
 *
 * @param {string} root the repository
 * @param {{ platform: string, arch: string }} [host] whose native packages are needed
 * @returns {string | null}
 * @throws {SetupError} where package-lock.json itself cannot be read
 */
export function dependencyProblem(root, host = process) {
  if (!existsSync(join(root, 'node_modules'))) return 'node_modules is missing';
  const installed = readLock(join(root, 'node_modules', '.package-lock.json'));
  if (!installed) return 'the last install did not finish';
  const wanted = readLock(join(root, 'package-lock.json'));
  if (!wanted) throw new SetupError('package-lock.json is missing or is not JSON: restore it from git');
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
    if (!found) {
      if (!entry.optional || isNativeFor(entry, host)) return `${name} is not installed`;
    } else if (found.version !== entry.version || found.integrity !== entry.integrity) {
      return `${name} ${entry.version ?? ''} replaces ${found.version ?? 'another copy'}`;
    } else if (!existsSync(join(root, path, 'package.json'))) {
      return `${name} is no longer there`;
    }
  }
  return null;
}

/**
 * Whether an optional package is the native build for this host, which it then needs (node_modules brought along from
 * another platform lacks it). Builds told apart by C library are left to npm.
 *
 * @param {LockEntry} entry
 * @param {{ platform: string, arch: string }} host
 */
function isNativeFor(entry, host) {
  if (!entry.os || !entry.cpu || entry.libc) return false;
  return entry.os.includes(host.platform) && entry.cpu.includes(host.arch);
}

/**
 * @param {string} path
 * @returns {Record<string, LockEntry> | null} null where the file is missing or cut off
 */
function readLock(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages ?? null;
  } catch {
    return null;
  }
}
