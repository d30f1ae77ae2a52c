/**
 * The right to write into a run's folder, which somebody else grants for a while and may grant to another process once that
 * while is over (queue/lease.ts).
 *
 * A file of the run is written under a temporary name first, then `check` is asked, then it is renamed. Whoever has the right
 * next removes all temporary files before it reads anything (`RunFolder.lock`). So a process that stands still for an hour
 * between the question and the renaming finds nothing to rename, and one that asks after its time is refused.
 */
export interface Lease {
  /** What the right is for. Whoever is granted one of this name may take away the lock of an earlier holder. */
  readonly name: string;
  /**
   * That the right is there still.
   * @throws LeaseLost
   */
  check(): Promise<void>;
}

/** The right to write is gone: what was computed since the last save is somebody else's to compute again. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}
