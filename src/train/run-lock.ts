import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { UserError } from '../util/errors.js';
import { isOnOwnDisk } from '../util/disk.js';
import { isPathError } from '../util/path-errors.js';
import { machineOf, ownName, stateOf, type ProcessName, type ProcessState } from '../util/processes.js';
import { kindOf } from './files.js';

/**
 * A process that trains in a run's folder leaves a file there whose name tells which it is: `.lock.<host>.<pid>.<start>`, as
 * processes.ts has them. Each creates its own and then looks for others, so two that begin at the same moment see each other.
 * A file of a process that is seen to run no longer is removed by whoever sees it; its name is no living process's, so nothing
 * else can be meant. A process that trains under a lease (lease.ts) writes the lease's name into its file, which whoever has
 * that lease next removes.
 */
interface Holder extends ProcessName {
  readonly file: string;
  readonly state: ProcessState;
}

const pattern = /^\.lock\.(.+)\.(\d+)\.([0-9a-f]+-\d+)$/;

async function holdersOf(folder: string): Promise<Holder[]> {
  const found = (await readdir(folder)).flatMap(name => {
    const match = pattern.exec(name);
    return match ? [{ file: join(folder, name), host: match[1]!, pid: Number(match[2]), start: match[3]! }] : [];
  });
  if (found.length === 0) return [];
  const where = { onOwnDisk: await isOnOwnDisk(folder) };
  return found.map(holder => ({ ...holder, state: stateOf(holder, where) }));
}

/**
 * Removes what dead processes have left, and those that have lost the lease which this one has.
 * @throws UserError where a living one, or one on another machine, trains in the folder; `own` is this process's file
 */
async function requireNoOther(folder: string, lease?: string, own?: string): Promise<void> {
  for (const holder of await holdersOf(folder)) {
    if (holder.file === own) continue;
    if (holder.state === 'dead' || (lease !== undefined && (await leaseIn(holder)) === lease)) {
      // In a folder that may not be written it stays: it holds nobody up.
      await rm(holder.file, { force: true }).catch(() => undefined);
      continue;
    }
    const { file, pid, state } = holder;
    throw new UserError(
      state === 'alive'
        ? `${folder} is in use: process ${pid} trains in it; wait until it ends, or stop it`
        : `${folder} is in use: process ${pid} on ${machineOf(holder)} trains in it; if it no longer runs, remove ${file}`,
    );
  }
}

/** The name of the lease that a process trains under. */
async function leaseIn({ file }: Holder): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text === '' ? undefined : text;
}

/**
 * That nobody trains in a run's folder; whoever did under `lease`, which this process has now, does not count.
 * @throws UserError
 */
export async function requireFree(folder: string, lease?: string): Promise<void> {
  await requireNoOther(folder, lease);
}

/**
 * Whether a process trains in a run's folder; one that cannot be seen from here is believed to, as long as its file is there. Nobody does
 * where there is no folder; whoever did under `lease`, which this process has now, does not count.
 */
export async function isTaken(folder: string, lease?: string): Promise<boolean> {
  if ((await kindOf(folder)) !== 'folder') return false;
  for (const holder of await holdersOf(folder)) {
    if (holder.state !== 'dead' && (lease === undefined || (await leaseIn(holder)) !== lease)) return true;
  }
  return false;
}

/**
 * Takes a run's folder for this process, until the function that comes back is called.
 * @param lease name of the lease that the process trains under
 * @throws UserError where another process has it, and where it cannot be written
 */
export async function lockFolder(folder: string, lease?: string): Promise<() => Promise<void>> {
  const { host, pid, start } = ownName();
  const own = join(folder, `.lock.${host}.${pid}.${start}`);
  try {
    await writeFile(own, lease ?? '', { flag: 'wx' });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw new UserError(`${folder} is in use: this very process trains in it`);
    const text = `${folder} cannot be written, so no run can go on in it: ${message}`;
    throw isPathError(error) ? new UserError(text, { cause: error }) : new Error(text, { cause: error });
  }
  // In a folder that may no longer be written it stays, and holds nobody up once this process is gone.
  const release = () => rm(own, { force: true }).catch(() => undefined);
  try {
    await requireNoOther(folder, lease, own);
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}
