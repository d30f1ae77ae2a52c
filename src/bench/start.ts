import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { OpenOptions } from '../gpu/node.js';
import { WrongResult } from './check.js';
import type { StartWork } from './work.js';

const MAIN = fileURLToPath(new URL('../cli/main.js', import.meta.url));
/** An epoch of one step: its loss is told as soon as it is read. */
const BATCH = 64;

/** Times commands of this package from the moment they are called. */
export class StartTimer {
  readonly #warm: string;

  /** @param folder for caches and run folders; the caller removes it */
  constructor(
    private readonly folder: string,
    private readonly options: OpenOptions,
    private readonly signal: AbortSignal,
  ) {
    this.#warm = join(folder, 'warm-caches');
  }

  /** Milliseconds of one run. */
  async run({ what }: StartWork): Promise<number> {
    if (what === 'help') return this.#help();
    if (what === 'first-step-warm') return this.#firstStep(this.#warm);
    const empty = await mkdtemp(join(this.folder, 'cold-caches-'));
    try {
      return await this.#firstStep(empty);
    } finally {
      await rm(empty, { recursive: true, force: true });
    }
  }

  /** From the call of `facegrad --help` to its end. */
  async #help(): Promise<number> {
    const start = performance.now();
    const child = spawn(process.execPath, [MAIN, '--help'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      signal: this.signal,
    });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (part: string) => (text += part));
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    });
    if (code !== 0 || !text.startsWith('Usage: facegrad')) throw new WrongResult('facegrad --help prints no help');
    return performance.now() - start;
  }

  /** From the call of `facegrad train` to the loss of its first step; `cache` holds what drivers and facegrad keep. */
  async #firstStep(cache: string): Promise<number> {
    const out = await mkdtemp(join(this.folder, 'run-'));
    const { adapter, backend } = this.options;
    const args = [
      ...['train', 'simple-cnn', '--data', 'synthetic', '--epochs', '1', '--json', '--force', '--out', out],
      ...['--batch-size', String(BATCH), '--limit', String(BATCH)],
      ...(adapter === undefined ? [] : ['--adapter', adapter]),
      ...(backend === undefined ? [] : ['--backend', backend]),
    ];
    // Mesa's and NVIDIA's names for the folder of compiled shaders, and where facegrad keeps its choices of kernels.
    const env = {
      ...process.env,
      ...{ MESA_SHADER_CACHE_DIR: cache, __GL_SHADER_DISK_CACHE_PATH: cache, FACEGRAD_CACHE: cache },
    };
    const start = performance.now();
    const child = spawn(process.execPath, [MAIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      signal: this.signal,
    });
    // That it was ended is seen from its output.
    child.on('error', () => undefined);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => (said += part));
    const ended = new Promise(resolve => child.on('close', resolve));
    try {
      for await (const line of createInterface(child.stdout)) {
        const { event, loss } = JSON.parse(line) as { event: string; loss?: number };
        if (event !== 'step') continue;
        const duration = performance.now() - start;
        if (!Number.isFinite(loss)) throw new WrongResult(`the first step's loss is ${String(loss)}`);
        return duration;
      }
      throw new Error(`facegrad train ended before its first step\n${said}`.trimEnd());
    } finally {
      // Nothing happens to a process that has ended.
      child.kill('SIGKILL');
      await ended;
      await rm(out, { recursive: true, force: true });
    }
  }
}
