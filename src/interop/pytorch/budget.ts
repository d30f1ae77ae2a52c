import { UserError } from '../../util/errors.js';

const MiB = 1024 * 1024;
/** PyTorch compresses nothing, and files that somebody packed once more hold random numbers: they hardly shrink. */
const MOST_TIMES = 100;
const MOST_BYTES = 4 * 1024 * MiB;

/** How many bytes a file may unfold to: a small file that asks for much is a bomb. */
export class Budget {
  readonly #most: number;
  #spent = 0;

  constructor(
    /** What unfolds, for messages. */
    private readonly what: string,
    /** Bytes of the file. */
    private readonly from: number,
  ) {
    this.#most = Math.min(MOST_BYTES, MiB + MOST_TIMES * from);
  }

  /** @throws UserError where `bytes` more are too many */
  spend(bytes: number): void {
    this.#spent += bytes;
    if (this.#spent <= this.#most) return;
    throw new UserError(
      `${this.what} need more than ${this.#most} bytes, out of a file of ${this.from}; such a file is not unpacked`,
    );
  }
}
