/** A small disk of its own, where this process may mount one. */
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** How often a file that is being written keeps a disk from becoming read-only, and how long is waited each time. */
const ATTEMPTS = 400;
const PAUSE_MS = 5;

let possible: Promise<boolean> | undefined;

/** A disk in memory that holds so much and no more, and can be made read-only. */
export class Disk {
  private constructor(readonly path: string) {}

  /** Whether this process may mount disks; root may, unless a container takes that from it. */
  static async isPossible(folder: string): Promise<boolean> {
    // Asked for by whoever wants to see the other ways at work.
    if (process.env['FACEGRAD_TORTURE_MOUNT'] === '0') return false;
    possible ??= Disk.mount(folder, 2 ** 20).then(
      async disk => {
        await disk.unmount();
        return true;
      },
      () => false,
    );
    return possible;
  }

  /** Mounts a disk of so many bytes, rounded up to pages, at a folder that is made. */
  static async mount(path: string, bytes: number): Promise<Disk> {
    await mkdir(path, { recursive: true });
    await execute('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'facegrad-torture', path]);
    return new Disk(path);
  }

  async resize(bytes: number): Promise<void> {
    await execute('mount', ['-o', `remount,size=${bytes}`, this.path]);
  }

  /** Between two files that are written: the system refuses it while one is. */
  async setReadOnly(readOnly: boolean): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await execute('mount', ['-o', `remount,${readOnly ? 'ro' : 'rw'}`, this.path]);
        return;
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
        await new Promise(resolve => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  async unmount(): Promise<void> {
    await execute('umount', ['-l', this.path]);
  }
}
