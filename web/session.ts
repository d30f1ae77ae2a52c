import type { ModelInfo } from '../src/serve/api.js';
import { Engine } from './engine/engine.js';
import type { Loading } from './engine/worker.js';
import { FaceFinder } from './faces/finder.js';
import { ServerError } from './server/answer.js';
import { ServerClient } from './server/client.js';
import { Store } from './store.js';

/** Where networks run. */
export type Place =
  | { readonly kind: 'starting' }
  | { readonly kind: 'here'; readonly engine: Engine; readonly adapter: string }
  /** On the server's adapter, for want of WebGPU here. */
  | { readonly kind: 'server'; readonly why: string };

/** How far the chosen network is. */
export type Readiness =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'loading'; readonly loading: Loading }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly why: string };

export interface SessionState {
  /** Undefined until the server has told them. */
  readonly models: readonly ModelInfo[] | undefined;
  readonly chosen: ModelInfo | undefined;
  readonly place: Place;
  readonly readiness: Readiness;
  /** Why the server's models could not be had. */
  readonly fault: { readonly text: string; readonly needsToken: boolean } | undefined;
}

/** What the whole page shares: the server's models, the one that is chosen, and where it runs. */
export class Session {
  readonly state = new Store<SessionState>({
    ...{ models: undefined, chosen: undefined, fault: undefined },
    ...{ place: { kind: 'starting' }, readiness: { kind: 'waiting' } },
  });
  readonly server: ServerClient;
  readonly faces = new FaceFinder();

  constructor(private readonly token: string | undefined) {
    this.server = new ServerClient(token);
  }

  /** Whose machine the server is, as the page's address names it. */
  get host(): string {
    return window.location.hostname;
  }

  /** Whether the server runs on the machine that the page is looked at on. */
  get isOwnMachine(): boolean {
    return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(this.host);
  }

  /** Asks the server what it has, opens WebGPU, and loads the first network. */
  async start(): Promise<void> {
    await Promise.all([this.#ask(), this.#open()]);
    await this.#load();
  }

  /** Again, after the server could not be asked or a network could not be loaded. */
  async retry(): Promise<void> {
    if (!this.state.value.models) await this.#ask();
    await this.#load();
  }

  async choose(id: string): Promise<void> {
    const chosen = this.state.value.models?.find(model => model.id === id);
    if (!chosen || chosen === this.state.value.chosen) return;
    this.state.patch({ chosen, readiness: { kind: 'waiting' } });
    await this.#load();
  }

  async #ask(): Promise<void> {
    this.state.patch({ fault: undefined });
    try {
      const models = await this.server.models();
      this.state.patch({ models, chosen: models[0] });
    } catch (error) {
      const needsToken = error instanceof ServerError && error.status === 401;
      this.state.patch({ fault: { text: (error as Error).message, needsToken } });
    }
  }

  async #open(): Promise<void> {
    try {
      const opened = await Engine.open({
        token: this.token,
        onLoading: loading => {
          this.state.patch({ readiness: { kind: 'loading', loading } });
        },
        onRecovered: () => {
          this.state.patch({ readiness: { kind: 'ready' } });
        },
        onGone: why => {
          this.state.patch({ place: { kind: 'server', why }, readiness: { kind: 'ready' } });
        },
      });
      this.state.patch({ place: { kind: 'here', ...opened } });
    } catch (error) {
      this.state.patch({ place: { kind: 'server', why: (error as Error).message } });
    }
  }

  async #load(): Promise<void> {
    const { chosen, place } = this.state.value;
    // It is loaded as soon as it is known where to.
    if (!chosen || place.kind === 'starting') return;
    if (place.kind === 'server') {
      this.state.patch({ readiness: { kind: 'ready' } });
      return;
    }
    this.state.patch({ readiness: { kind: 'loading', loading: { phase: 'weights', fraction: 0 } } });
    let readiness: Readiness = { kind: 'ready' };
    try {
      await place.engine.load(chosen);
    } catch (error) {
      readiness = { kind: 'failed', why: (error as Error).message };
    }
    // Another may have been chosen meanwhile.
    if (this.state.value.chosen === chosen) this.state.patch({ readiness });
  }
}
