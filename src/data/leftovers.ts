import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isOnOwnDisk } from '../util/disk.js';
import { ownName, stateOf } from '../util/processes.js';

/**
 * What is written under a temporary name until it is whole, and what processes that were killed meanwhile have left:
 * `<name>.<host>.<pid>.<start>.<random>.tmp`. The name tells whose it is; no age does, since clocks of machines that share a
 * disk differ, and a disk may keep its writer waiting.
 */
const TEMPORARY = /^(.+)\.([^.]+)\.(\d+)\.([^.]+)\.[0-9a-f]{8}\.tmp$/;
/** As earlier versions named them: with a process's number, or nothing that tells whose it is. */
const EARLIER = /^(.+)\.(?:\d+-)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/;
/** After so long without a change it is a leftover, where nobody here can tell whether its process runs. */
const DAY_MILLISECONDS = 24 * 60 * 60 * 1000;

/** A name for `path` until it is whole, that nobody else has. */
export function temporaryName(path: string): string {
  const { host, pid, start } = ownName();
  // Dots divide the parts of the name.
  return `${path}.${host.replaceAll('.', ',')}.${pid}.${start}.${randomBytes(4).toString('hex')}.tmp`;
}

/**
 * Removes from `folder`, with all that is in them, the leftovers of files and folders whose names `isMeant`: at once those of
 * processes of this machine that no longer run, and after a day those that may be another machine's. What may not be removed stays.
 */
export async function removeLeftovers(folder: string, isMeant: (name: string) => boolean): Promise<void> {
  const onOwnDisk = await isOnOwnDisk(folder);
  for (const entry of await readdir(folder).catch(() => [])) {
    const [, name = EARLIER.exec(entry)?.[1], host = '', pid, start = ''] = TEMPORARY.exec(entry) ?? [];
    if (name === undefined || !isMeant(name)) continue;
    const path = join(folder, entry);
    const state = stateOf({ host: host.replaceAll(',', '.'), pid: Number(pid), start }, { onOwnDisk });
    if (state === 'dead' || (state === 'unknown' && (await isOld(path)))) {
      await rm(path, { recursive: true, force: true }).catch(() => undefined);
    }
  }
}

/** Also what a wrong clock has dated more than a day ahead. */
async function isOld(path: string): Promise<boolean> {
  const info = await stat(path).catch(() => undefined);
  return info !== undefined && Math.abs(Date.now() - info.mtimeMs) > DAY_MILLISECONDS;
}
