import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OpenOptions } from '../gpu/node.js';
import { leftOut, type BenchCase } from './cases/index.js';
import { checkNetwork, WrongResult, type Results } from './check.js';
import { Connection } from './connection.js';
import { isInstalled, peerNames, type ContestantName, type PeerName } from './contestants/registry.js';
import { figuresOf, type Figures } from './measure.js';
import { StartTimer } from './start.js';
import { takeTurns, type Runner } from './turns.js';
import { isKernel, type NetworkWork, type StartWork, type Work } from './work.js';

/** One case's figures. */
export interface BenchResult {
  readonly name: string;
  readonly adapter: string;
  readonly contestants: Readonly<Partial<Record<ContestantName, Figures>>>;
  /** facegrad's speed over tfjs-backend-webgpu's; null where that did not run. */
  readonly ratio: number | null;
}

export interface BenchOptions extends OpenOptions {
  /** Seconds of samples for each case, shared by its contestants. */
  readonly budget: number;
  readonly peers: readonly PeerName[];
  /** Ends the benchmarks at once: what has been timed by then is the result. */
  readonly signal: AbortSignal;
}

export interface BenchListener {
  /** Before the first case, once facegrad has its adapter. */
  start(adapter: string, chosen: readonly BenchCase[]): void;
  /** Work on a case begins. */
  begin(bench: BenchCase): void;
  result(bench: BenchCase, result: BenchResult): void;
  /** Something that is not timed, and why. */
  note(text: string): void;
}

/** What tfjs-backend-cpu manages at most, to leave it out of what takes it long. */
const TFJS_CPU = { flops: 0.5e9, gigabytes: 0.02, longest: 2 };

function takesTfjsCpuLong({ work, flops, amount, unit }: BenchCase): boolean {
  const seconds = flops / TFJS_CPU.flops + (unit === 'GB/s' ? amount / TFJS_CPU.gigabytes : 0);
  return work.kind === 'train' || (work.kind === 'infer' && work.batch > 1) || seconds > TFJS_CPU.longest;
}

/** Times cases, one after the other; contestants take turns in each. */
export class Bench {
  readonly #connections = new Map<ContestantName, Connection>();
  #folder = '';
  #failures = 0;

  constructor(
    private readonly options: BenchOptions,
    private readonly listener: BenchListener,
  ) {}

  /**
   * @param choose picks the cases, once it is known whether the adapter is a processor
   * @returns the figures, and how often facegrad failed or differed from a peer's network: that is not timed
   */
  async run(
    choose: (reason: (bench: BenchCase) => string | undefined) => readonly BenchCase[],
  ): Promise<{ results: BenchResult[]; failures: number }> {
    this.#folder = await mkdtemp(join(tmpdir(), 'facegrad-bench-'));
    const { signal } = this.options;
    const close = () => {
      for (const connection of this.#connections.values()) connection.close();
    };
    // Whoever waits for one of the processes hears then that it has ended.
    signal.addEventListener('abort', close);
    const results: BenchResult[] = [];
    try {
      const facegrad = await this.#connect('facegrad');
      const chosen = choose(bench => leftOut(bench, facegrad.software));
      const peers = this.#installedPeers();
      this.listener.start(facegrad.adapter, chosen);
      for (const bench of chosen) {
        this.listener.begin(bench);
        const contestants = await this.#time(bench, peers);
        const ours = contestants.facegrad?.medianMs;
        const theirs = contestants['tfjs-webgpu']?.medianMs;
        const ratio = ours !== undefined && theirs !== undefined ? theirs / ours : null;
        const result = { name: bench.name, adapter: facegrad.adapter, contestants, ratio };
        results.push(result);
        this.listener.result(bench, result);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener('abort', close);
      close();
      await rm(this.#folder, { recursive: true, force: true });
    }
    return { results, failures: this.#failures };
  }

  #installedPeers(): PeerName[] {
    const missing = this.options.peers.filter(name => !isInstalled(name));
    if (missing.length > 0) {
      this.listener.note(`not installed: ${missing.join(', ')} (in a clone \`npm run bench:peers\` installs them)`);
    }
    const installed = this.options.peers.filter(isInstalled);
    if (installed.includes('tfjs-cpu')) {
      this.listener.note(`tfjs-cpu is left out where one run would take it more than ${TFJS_CPU.longest} s`);
    }
    return installed;
  }

  async #connect(name: ContestantName): Promise<Connection> {
    const open = this.#connections.get(name);
    if (open) return open;
    const { adapter, backend, subgroups, precision, signal } = this.options;
    const connection = await Connection.open(name, { adapter, backend, subgroups, precision });
    if (signal.aborted) connection.close();
    this.#connections.set(name, connection);
    return connection;
  }

  async #time(bench: BenchCase, peers: readonly PeerName[]): Promise<Partial<Record<ContestantName, Figures>>> {
    const { work, amount, unit } = bench;
    const latency = work.kind === 'infer' && work.batch === 1;
    const runners =
      work.kind === 'start' ? await this.#startRunners(bench, work) : await this.#runners(bench, work, peers, latency);
    const samples = await takeTurns(runners, this.options.budget, (name, error) => {
      this.#drop(bench, name, error);
    });
    for (const { name } of runners) await this.#connections.get(name)?.dispose();
    return Object.fromEntries(
      [...samples]
        .filter(([, times]) => times.length > 0)
        .map(([name, times]) => [name, figuresOf(times, amount, unit, latency)]),
    );
  }

  async #startRunners(bench: BenchCase, work: StartWork): Promise<Runner[]> {
    const timer = new StartTimer(this.#folder, this.options, this.options.signal);
    // Checks the command, and fills the caches where it is to find them filled.
    if (work.what !== 'first-step-cold' && !(await this.#attempt(bench, 'facegrad', () => timer.run(work)))) return [];
    return [{ name: 'facegrad', sample: async () => [await timer.run(work)] }];
  }

  /** Those who can do the work, checked and warm. */
  async #runners(
    bench: BenchCase,
    work: Exclude<Work, StartWork>,
    peers: readonly PeerName[],
    latency: boolean,
  ): Promise<Runner[]> {
    const runners: Runner[] = [];
    let expected: Results | undefined;
    const share = this.options.budget / (peers.length + 1);
    for (const name of ['facegrad', ...peers] as const) {
      if (name === 'tfjs-cpu' && takesTfjsCpuLong(bench)) continue;
      const ready = await this.#attempt(bench, name, async () => {
        const connection = await this.#connect(name);
        const preparation = await connection.prepare(work, join(this.#folder, 'weights.safetensors'));
        switch (preparation.outcome) {
          case 'wrong':
            throw new WrongResult(preparation.reason);
          case 'unsupported':
            return undefined;
          case 'ready':
        }
        if (!isKernel(work)) {
          if (name === 'facegrad') expected = preparation.results;
          else checkNetwork(preparation.results, expected!, this.options.precision);
        }
        await connection.warmUp(share / 2, latency || isInference(work));
        return connection;
      });
      if (ready) runners.push({ name, sample: seconds => ready.sample(seconds) });
      // Without facegrad there is nothing to compare with.
      else if (name === 'facegrad') return [];
    }
    return runners;
  }

  /** What `fn` gives; undefined, and a note, where it fails. */
  async #attempt<T>(bench: BenchCase, name: ContestantName, fn: () => Promise<T>): Promise<T | undefined> {
    try {
      return await fn();
    } catch (error) {
      this.#drop(bench, name, error);
      return undefined;
    }
  }

  #drop(bench: BenchCase, name: ContestantName, error: unknown): void {
    if (this.options.signal.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    const wrong = error instanceof WrongResult;
    this.listener.note(
      `${bench.name}: ${name} ${wrong ? `computes something else: ${message}` : `failed: ${message}`}`,
    );
    // A kernel of a peer may be wrong by itself; who is where two networks differ, nobody knows.
    if (name === 'facegrad' || (wrong && !isKernel(bench.work))) this.#failures++;
    // A process that failed once is not trusted with the next case.
    if (!wrong) {
      this.#connections.get(name)?.close();
      this.#connections.delete(name);
    }
  }
}

function isInference(work: Work): work is NetworkWork {
  return work.kind === 'infer';
}

export { peerNames, type ContestantName, type PeerName };
