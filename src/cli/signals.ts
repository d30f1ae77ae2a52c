import { exitCodes } from './errors.js';

/**
 * npx and `npm run` under bash deliver one Ctrl-C twice, to the process group and once more themselves, about a
 * millisecond apart; nobody means to press it again within this time.
 */
const SAME_PRESS_MS = 500;

type Stop = keyof typeof exitCodes.interrupted;

/**
 * Turns the first Ctrl-C (or SIGTERM) into an abort that work can answer by saving, and the second into an immediate
 * exit. `note` is called with the first. Signals keep their default meaning until this is called.
 */
export class Interruption {
  readonly #controller = new AbortController();
  #received: Stop | undefined;
  #receivedAt = 0;

  constructor(private readonly note: () => void) {
    process.on('SIGINT', this.#receive).on('SIGTERM', this.#receive);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What was received, for processes that this one has started: one that has it already takes it for the same press. */
  get received(): Stop | undefined {
    return this.#received;
  }

  /** The exit code of an interrupted process, or undefined where nothing was received. */
  get exitCode(): number | undefined {
    return this.#received && exitCodes.interrupted[this.#received];
  }

  /** Gives the signals their default meaning again. */
  dispose(): void {
    process.off('SIGINT', this.#receive).off('SIGTERM', this.#receive);
  }

  readonly #receive = (signal: NodeJS.Signals): void => {
    const stop = signal as Stop;
    if (this.#received === stop && performance.now() - this.#receivedAt < SAME_PRESS_MS) return;
    if (this.#received) process.exit(exitCodes.interrupted[stop]);
    this.#received = stop;
    this.#receivedAt = performance.now();
    this.note();
    this.#controller.abort();
  };
}
