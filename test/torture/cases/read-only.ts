import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Disk } from '../disk.js';
import { contentsOf, lookThrough, plans, requireTakenUp, type Stand, type StartOptions } from '../stand.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** A run whose folder becomes read-only while it trains, and is gone on with before and after that has ended. */
async function round(stand: Stand, { random, folder, index }: Round): Promise<Tally> {
  const plan = plans[index % plans.length]!;
  const place = await Place.create(stand, join(folder, 'disk'));
  const out = join(place.path, 'run');
  const { how } = place;
  // Its file would be open for writing all the time.
  const quietly = (command: string[]) => [...command, '--no-tensorboard'];
  try {
    const running = stand.start(quietly(stand.training(plan, out)), how);
    await running.printed('"event":"saved"', 1 + random.integer(8));
    await place.setReadOnly(true);
    const { code, stderr } = await running.ended;
    require(code === 2, 'unsaid', () =>
      `a folder that may not be written ended the run with ${String(code)}:\n${stderr}`);
    require(/cannot be (written|removed): E(ROFS|ACCES)/.test(stderr), 'unsaid', () => stderr);

    const { newest } = await lookThrough(out);
    const before = await contentsOf(out);
    const refused = await stand.facegrad(await stand.goingOn(plan, out), how);
    require(refused.code === 2, 'unsaid', () => `--resume ended with ${String(refused.code)}:\n${refused.stderr}`);
    const said = `${out} cannot be written, so no run can go on in it`;
    require(refused.stderr.includes(said), 'unsaid', () => refused.stderr);
    require(!refused.stdout.includes('"step"'), 'unsaid', () => 'the run was gone on with before it was refused');
    const shown = await stand.facegrad(['runs', 'show', out], how);
    require(shown.code === 0, 'unsaid', () => `the run cannot be looked at:\n${shown.stderr}`);
    require((await contentsOf(out)) === before, 'untidy', () => 'files were changed');

    await place.setReadOnly(false);
    const { code: ended, stdout, stderr: why } = await stand.facegrad(quietly(await stand.goingOn(plan, out)), how);
    require(ended === 0, 'lost', () => `the run ended with ${String(ended)}:\n${why}`);
    requireTakenUp(stdout, newest);
    await stand.requireLikeWhole(plan, out);
  } finally {
    await place.remove();
  }
  return { faults: 1, runs: 1 };
}

/** A folder that can be made read-only: a disk, or, where none may be mounted, one whose permissions are taken away. */
class Place {
  private constructor(
    readonly path: string,
    private readonly disk: Disk | undefined,
  ) {}

  static async create(stand: Stand, path: string): Promise<Place> {
    const mounted = await Disk.isPossible(join(stand.folder, 'mount'));
    return new Place(path, mounted ? await Disk.mount(path, 256 * 2 ** 20) : undefined);
  }

  /** How processes are started that the folder's state binds; permissions bind root only where it renounces its right. */
  get how(): StartOptions {
    const isRoot = process.geteuid?.() === 0;
    return this.disk || !isRoot ? {} : { under: ['setpriv', '--bounding-set', '-dac_override,-dac_read_search'] };
  }

  async setReadOnly(readOnly: boolean): Promise<void> {
    if (this.disk) {
      await this.disk.setReadOnly(readOnly);
      return;
    }
    const entries = await readdir(this.path, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isDirectory()) await chmod(join(entry.parentPath, entry.name), readOnly ? 0o555 : 0o755);
    }
  }

  async remove(): Promise<void> {
    await this.setReadOnly(false).catch(() => undefined);
    await this.disk?.unmount();
  }
}

export const readOnly: TortureCase = {
  name: 'read-only',
  promise:
    'a run folder that may no longer be written ends the run, which is then refused before anything is computed or changed, ' +
    'can be looked at, and goes on to the same bits once it may be written again',
  faults: 'folders',
  ...{ short: 1, long: 20 },
  round,
};
