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
  /** Told when a device and its network are there again after a loss. */
  readonly onRecovered: () => void;
  /** Told when WebGPU is gone for good. */
  readonly onGone: (why: string) => void;
}

/** The page's WebGPU, in a worker of its own. Where the device is lost, another worker opens another, with the same network. */
export class Engine {
  #worker: Worker | undefined;
  #api: Remote<EngineApi> | undefined;
  /** Rejects when the device that is open now is lost: its worker's answers may never come then. */
  #loss: Promise<never> = Promise.reject(new Error('not opened yet'));
  #network: ModelInfo | undefined;
  #lostAt = -Infinity;
  /** While a device is opened in the place of a lost one: what is asked meanwhile waits for it. */
  #recovery: Promise<void> | undefined;

  private constructor(private readonly options: EngineOptions) {
    this.#loss.catch(() => undefined);
  }

  /**
   * Gives the engine and its adapter's name.
   * @throws {Error} whose name is NoWebGpu, with the reason, where the browser has none
   */
  static async open(options: EngineOptions): Promise<{ engine: Engine; adapter: string }> {
    const engine = new Engine(options);
    return { engine, adapter: await engine.#start() };
  }

  /** Puts a network on the GPU, in the place of the one before. */
  async load(network: ModelInfo): Promise<void> {
    this.#network = network;
    await this.#tried(api => this.#load(api, network));
  }

  /**
   * @param subjects (size,size,channels) bytes each, as the network takes them; they stay the caller's
   * @throws where that network is not the one that is loaded
   */
  classify(network: ModelInfo, subjects: readonly Uint8Array[]): Promise<Reply> {
    return this.#tried(api => api.classify(network.id, subjects));
  }

  /** @param squares (side,side,4) bytes each, which are gone then; they are not asked about again where the device is lost */
  classifySquares(network: ModelInfo, squares: readonly Uint8Array[]): Promise<Reply> {
    const buffers = squares.map(({ buffer }) => buffer as ArrayBuffer);
    return this.#unlessLost(this.#api!.classifySquares(network.id, transfer([...squares], buffers)));
  }

  /** Grad-CAM of a class, over what the network saw. */
  explain(network: ModelInfo, subject: Uint8Array, which: number): Promise<Raster> {
    return this.#tried(api => api.explain(network.id, subject, which));
  }

  /** Waits while a device is opened in the place of a lost one; gives whether there was one to wait for. */
  async recovered(): Promise<boolean> {
    const recovery = this.#recovery;
    await recovery;
    return recovery !== undefined;
  }

  async #start(): Promise<string> {
    this.#worker?.terminate();
    const worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module', name: 'facegrad engine' });
    this.#worker = worker;
    const api = wrap<EngineApi>(worker);
    this.#api = api;
    let adapter: string;
    try {
      adapter = await api.open();
    } catch (error) {
      worker.terminate();
      throw error;
    }
    this.#loss = api.lost().then(why => {
      this.#recovery = this.#recover(why).finally(() => {
        this.#recovery = undefined;
      });
      throw new Error(why);
    });
    // Whoever asks hears of it; nobody may be asking.
    this.#loss.catch(() => undefined);
    return adapter;
  }

  #load(api: Remote<EngineApi>, network: ModelInfo): Promise<void> {
    const { token, onLoading } = this.options;
    return api.load(network, token, proxy(onLoading));
  }

  async #recover(why: string): Promise<void> {
    const now = performance.now();
    const again = now - this.#lostAt < RECOVERY_MS;
    this.#lostAt = now;
    try {
      if (again) throw new Error(`twice within a minute: ${why}`);
      await this.#start();
      if (this.#network) await this.#unlessLost(this.#load(this.#api!, this.#network));
      this.options.onRecovered();
    } catch (error) {
      this.#worker?.terminate();
      this.options.onGone(`The graphics device was lost (${(error as Error).message}).`);
    }
  }

  #unlessLost<T>(answer: Promise<T>): Promise<T> {
    return Promise.race([answer, this.#loss]);
  }

  /** Asks, and once more where the device was lost meanwhile. */
  async #tried<T>(work: (api: Remote<EngineApi>) => Promise<T>): Promise<T> {
    await this.#recovery;
    try {
      return await this.#unlessLost(work(this.#api!));
    } catch (error) {
      // The loss is told in a message of its own, which may come after the error.
      await new Promise(resolve => setTimeout(resolve, 100));
      if (!this.#recovery) throw error;
      await this.#recovery;
      return this.#unlessLost(work(this.#api!));
    }
  }
}
