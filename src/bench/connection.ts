import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { wrap, type Remote } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { OpenOptions } from '../gpu/node.js';
import { UserError } from '../util/errors.js';
import type { ContestantName } from './contestants/registry.js';
import { portOf } from './port.js';
import type { Preparation, Stand } from './stand.js';
import type { Work } from './work.js';

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));
/** Of what a process wrote to standard error before it died: enough to see why. */
const LAST_WORDS = 600;

/** A contestant in a process of its own, seen from the outside. */
export class Connection {
  private constructor(
    readonly name: ContestantName,
    readonly adapter: string,
    /** Whether it runs on the processor. */
    readonly software: boolean,
    private readonly child: ChildProcess,
    private readonly stand: Remote<Stand>,
    private readonly died: Promise<never>,
  ) {}

  /** @throws where the contestant does not start, with what it said */
  static async open(name: ContestantName, options: OpenOptions): Promise<Connection> {
    const child = fork(WORKER, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' });
    let said = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-LAST_WORDS);
    });
    const died = new Promise<never>((_, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        reject(new Error(`the process of ${name} ended (${signal ?? `exit code ${String(code)}`})\n${said}`.trimEnd()));
      });
    });
    // Whether anybody waits when it dies or not.
    died.catch(() => undefined);
    const stand = wrap<Stand>(nodeEndpoint(portOf(child)));
    try {
      const { adapter, software } = await Promise.race([stand.open(name, options), died]);
      return new Connection(name, adapter, software, child, stand, died);
    } catch (error) {
      child.kill('SIGKILL');
      // The name is what is left of an error's class on the way from one process to another.
      if (error instanceof Error && error.name === 'UserError') throw new UserError(error.message);
      throw error;
    }
  }

  prepare(work: Work, weights: string): Promise<Preparation> {
    return Promise.race([this.stand.prepare(work, weights), this.died]);
  }

  warmUp(seconds: number, single: boolean): Promise<void> {
    return Promise.race([this.stand.warmUp(seconds, single), this.died]);
  }

  sample(seconds: number): Promise<readonly number[]> {
    return Promise.race([this.stand.sample(seconds), this.died]);
  }

  dispose(): Promise<void> {
    return Promise.race([this.stand.dispose(), this.died]);
  }

  /** Ends the process. It holds nothing that must be put in order, and a driver may take long over that. */
  close(): void {
    this.child.kill('SIGKILL');
  }
}
