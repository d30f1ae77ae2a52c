import { proxy, transfer, wrap, type Remote } from 'comlink';
import type { ModelInfo } from '../../src/serve/api.js';
import type { Raster } from '../raster.js';
import type { EngineApi, Loading, Reply } from './worker.js';

/** Devices that are lost within this time of each other are not opened again: something here does not work. */
const RECOVERY_MS = 60_000;

export interface EngineOptions {
  readonly token: string | undefined;
  /** Told while a network is loaded. */
  readonly onLoading: (loading: Loading) => void;
  /** Told when WebGPU is gone for good. */
  readonly onGone: (why: string) => void;
}

/** The page's WebGPU, in a worker of its own. A device that is lost is opened again, with its network. */
export class Engine {
  readonly #worker: Remote<EngineApi>;
  #network: ModelInfo | undefined;
  #lostAt = -Infinity;
  /** Where the device is being opened again: what is asked meanwhile waits for it. */
  #recovery: Promise<void> | undefined;

  private constructor(
    worker: Worker,
    private readonly options: EngineOptions,
  ) {
    this.#worker = wrap<EngineApi>(worker);
  }

  /**
   * Gives the engine and its adapter's name.
   * @throws {Error} whose name is NoWebGpu, with the reason, where the browser has none
   */
  static async open(options: EngineOptions): Promise<{ engine: Engine; adapter: string }> {
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'facegrad engine' });
    const engine = new Engine(worker, options);
    try {
      const adapter = await engine.#worker.open();
      engine.#watch();
      return { engine, adapter };
    } catch (error) {
      worker.terminate();
      throw error;
    }
  }

  /** Puts a network on the GPU, in the place of the one before. */
  async load(network: ModelInfo): Promise<void> {
    this.#network = network;
    await this.#load(network);
  }

  /**
   * @param subjects (size,size,channels) bytes each, as the network takes them; they stay the caller's
   * @throws where that network is not the one that is loaded
   */
  classify(network: ModelInfo, subjects: readonly Uint8Array[]): Promise<Reply> {
    return this.#tried(() => this.#worker.classify(network.id, subjects));
  }

  /** @param squares (side,side,4) bytes each, which are gone then */
  classifySquares(network: ModelInfo, squares: readonly Uint8Array[]): Promise<Reply> {
    // A frame that was lost with the device is not worth asking about again.
    return this.#worker.classifySquares(
      network.id,
      transfer(
        [...squares],
        squares.map(({ buffer }) => buffer as ArrayBuffer),
      ),
    );
  }

  /** Grad-CAM of a class, over what the network saw. */
  explain(network: ModelInfo, subject: Uint8Array, which: number): Promise<Raster> {
    return this.#tried(() => this.#worker.explain(network.id, subject, which));
  }

  /** Resolves when no device is being opened. */
  async recovered(): Promise<void> {
    await this.#recovery;
  }

  #load(network: ModelInfo): Promise<void> {
    const { token, onLoading } = this.options;
    return this.#worker.load(network, token, proxy(onLoading));
  }

  #watch(): void {
    void this.#worker.lost().then(why => {
      this.#recovery = this.#recover(why).finally(() => {
        this.#recovery = undefined;
      });
    });
  }

  async #recover(why: string): Promise<void> {
    const now = performance.now();
    const again = now - this.#lostAt < RECOVERY_MS;
    this.#lostAt = now;
    try {
      if (again) throw new Error(`the device was lost twice: ${why}`);
      await this.#worker.open();
      this.#watch();
      if (this.#network) await this.#load(this.#network);
    } catch (error) {
      this.options.onGone(`The graphics device was lost (${(error as Error).message}).`);
    }
  }

  /** Asks, and once more where the device was lost meanwhile. */
  async #tried<T>(work: () => Promise<T>): Promise<T> {
    await this.#recovery;
    try {
      return await work();
    } catch (error) {
      // The loss is told in a message of its own, which may come after the error.
      await new Promise(resolve => setTimeout(resolve, 100));
      if (!this.#recovery) throw error;
      await this.#recovery;
      return work();
    }
  }
}
