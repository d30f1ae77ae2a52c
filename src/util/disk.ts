import { open, statfs, type FileHandle } from 'node:fs/promises';

/** Linux's numbers of file systems that one machine alone has mounted: ext2 to 4, XFS, Btrfs, F2FS, ZFS, tmpfs, overlayfs. */
const OWN = new Set([0xef53, 0x58465342, 0x9123683e, 0xf2f52010, 0x2fc12fc1, 0x01021994, 0x794c7630]);

/** Whether a folder or file lies on a disk of this machine's own, not on one that it reaches over a network; false where that cannot be told. */
export async function isOnOwnDisk(path: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  return statfs(path).then(
    // The type may come as a signed number.
    ({ type }) => OWN.has(type >>> 0),
    () => false,
  );
}

/** Some file systems have no such thing as syncing a folder: FUSE, 9p. One that may be written and not read cannot be opened for it. */
const NO_SYNC = new Set(['EINVAL', 'ENOTSUP', 'EACCES']);

/** Puts the names in a folder on disk: a file that was created or renamed there lasts from then on. */
export async function syncFolder(path: string): Promise<void> {
  // Windows neither needs nor allows a folder to be opened for that.
  if (process.platform === 'win32') return;
  let folder: FileHandle | undefined;
  try {
    folder = await open(path, 'r');
    await folder.sync();
  } catch (error) {
    if (!NO_SYNC.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await folder?.close();
  }
}
