import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outcome } from '../../cli/facegrad.js';
import { Disk } from '../disk.js';
import {
  filesOf,
  lookThrough,
  plans,
  requireTakenUp,
  requireTidy,
  type Found,
  type Plan,
  type Stand,
} from '../stand.js';
import { requireOwnStates } from '../own-states.js';
import { require, type Round, type Tally, type TortureCase } from '../torture.js';

/** Faults of a round at most: each time a little more room is made. */
const MOST_FAULTS = 3;

/** A run on a disk that has no room for it, of which there is made some, until it has enough. */
async function round(stand: Stand, { random, folder, index, faultsLeft }: Round): Promise<Tally> {
  const plan = plans[index % plans.length]!;
  const need = await bytesOf(await stand.whole(plan));
  const room = await Room.create(stand, join(folder, 'disk'), Math.floor(need * random.uniform()));
  const out = join(room.path, 'run');
  const tally = { faults: 0, runs: 1, beforeBegin: 0, ofEvents: 0 };
  let found: Found = { newest: undefined, temporary: 0 };
  let before = new Map<string, string>();
  try {
    for (;;) {
      const last = tally.faults === Math.min(MOST_FAULTS, faultsLeft);
      if (last) await room.make(64 * need);
      const { code, stdout, stderr } = await room.facegrad(plan, out);
      requireTakenUp(stdout, found.newest);
      if (code === 0) break;
      require(!last, 'lost', () => `the run ended with ${String(code)} where there was room:\n${stderr}`);
      tally.faults++;
      require(code === 1, 'unsaid', () => `a full disk ended the process with ${String(code)}:\n${stderr}`);
      require(stderr.includes('cannot be written: the disk is full'), 'unsaid', () => stderr);
      require(stderr.includes('Make room, then'), 'unsaid', () => `it is not said what to do:\n${stderr}`);
      if (stderr.includes('no more events')) tally.ofEvents++;
      if (await room.isEmpty(out)) {
        tally.beforeBegin++;
      } else {
        await requireTidy(out);
        found = await lookThrough(out);
        before = await requireOwnStates(stand, plan, out, before);
      }
      await room.make(Math.floor((need / 2) * random.uniform()));
    }
    await stand.requireLikeWhole(plan, out);
  } finally {
    await room.remove();
  }
  return tally;
}

/** What a run may write: a disk of its own, or, where none may be mounted, so many bytes in each sitting. */
class Room {
  private constructor(
    private readonly stand: Stand,
    readonly path: string,
    private readonly disk: Disk | undefined,
    private bytes: number,
  ) {}

  static async create(stand: Stand, path: string, bytes: number): Promise<Room> {
    const room = Math.max(4096, bytes);
    const mounted = await Disk.isPossible(join(stand.folder, 'mount'));
    return new Room(stand, path, mounted ? await Disk.mount(path, room) : undefined, room);
  }

  async make(more: number): Promise<void> {
    this.bytes += more;
    await this.disk?.resize(this.bytes);
  }

  async facegrad(plan: Plan, out: string): Promise<Outcome> {
    const command = await this.stand.goingOn(plan, out);
    const env = { FACEGRAD_FAULT_ROOM: String(this.bytes) };
    return this.stand.facegrad(command, this.disk ? {} : { fault: 'disk', env });
  }

  async isEmpty(out: string): Promise<boolean> {
    return (await filesOf(out).catch(() => [])).length === 0;
  }

  async remove(): Promise<void> {
    await this.disk?.unmount();
  }
}

async function bytesOf(path: string): Promise<number> {
  const sizes = (await filesOf(path)).map(async name => (await stat(join(path, name))).size);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

export const fullDisk: TortureCase = {
  name: 'full-disk',
  promise:
    'a full disk ends the run with a message that says so and leaves each of its files whole, as it was or as the undisturbed ' +
    'run has it too, and once there is room the run goes on to the same bits',
  faults: 'full disks',
  ...{ short: 2, long: 60 },
  round,
};
