import type { Box } from '../../src/faces/box.js';
import type { ModelInfo } from '../../src/serve/api.js';
import type { Looked } from '../faces/worker.js';
import type { Raster } from '../raster.js';
import type { Session } from '../session.js';
import { Store } from '../store.js';

/** What was classified in a picture: a face, or all of it. */
export interface Found {
  /** Where the face is, in pixels of the picture; null for the whole picture. */
  readonly box: Box | null;
  /** In the order of the network's classes. */
  readonly probabilities: readonly number[];
  /** The class of the highest one. */
  readonly top: number;
  /** What reached the network. */
  readonly seen: Raster | undefined;
  /** From which it came, where the network runs here. */
  readonly subject: Uint8Array | undefined;
}

export type Outcome =
  | { readonly kind: 'waiting' }
  | { readonly kind: 'working' }
  | {
      readonly kind: 'done';
      readonly network: ModelInfo;
      /** Of the picture, in pixels; undefined where only the server can read it. */
      readonly size: { readonly width: number; readonly height: number } | undefined;
      /** Whether faces were looked for. */
      readonly lookedForFaces: boolean;
      readonly found: readonly Found[];
      readonly milliseconds: number;
    }
  | { readonly kind: 'failed'; readonly why: string };

export interface Item {
  readonly id: number;
  readonly name: string;
  readonly file: Blob;
  /** Of the file, for an <img>. */
  readonly url: string;
  readonly outcome: Outcome;
}

/** An explanation: bytes of the engine's, or a data: address of the server's. */
export type Explanation = Raster | string;

export interface GalleryState {
  readonly items: readonly Item[];
  readonly findFaces: boolean;
}

let nextId = 1;

/** The pictures that somebody gave, classified one after the other; again when another network or way is chosen. */
export class Gallery {
  readonly state = new Store<GalleryState>({ items: [], findFaces: true });
  #working = false;

  constructor(private readonly session: Session) {
    let before = session.state.value;
    session.state.subscribe(now => {
      const { chosen, place, readiness } = before;
      before = now;
      if (chosen !== now.chosen) this.#again();
      else if (place !== now.place || readiness !== now.readiness) void this.#work();
    });
  }

  add(files: readonly File[]): void {
    const items = files.map((file): Item => {
      const name = file.name || 'pasted picture';
      return { id: nextId++, name, file, url: URL.createObjectURL(file), outcome: { kind: 'waiting' } };
    });
    this.state.patch({ items: [...this.state.value.items, ...items] });
    void this.#work();
  }

  remove(id: number): void {
    const { items } = this.state.value;
    for (const item of items) if (item.id === id) URL.revokeObjectURL(item.url);
    this.state.patch({ items: items.filter(item => item.id !== id) });
  }

  /** Classifies a picture anew, after a fault that may have passed. */
  retry(item: Item): void {
    this.#replace(item, { ...item, outcome: { kind: 'waiting' } });
    void this.#work();
  }

  clear(): void {
    for (const { url } of this.state.value.items) URL.revokeObjectURL(url);
    this.state.patch({ items: [] });
  }

  setFindFaces(findFaces: boolean): void {
    this.state.patch({ findFaces });
    this.#again();
  }

  /**
   * What spoke for a class, over what the network saw.
   * @param which a class; the server explains the likeliest one, whatever is asked
   */
  async explain(item: Item, index: number, which: number): Promise<Explanation> {
    const { chosen, place } = this.session.state.value;
    const { outcome } = item;
    if (!chosen || outcome.kind !== 'done') throw new Error('nothing was classified yet');
    const { subject } = outcome.found[index]!;
    if (place.kind === 'here' && subject) return place.engine.explain(chosen, subject, which);
    const rows = await this.session.server.classify(item.file, chosen, {
      ...{ faces: outcome.lookedForFaces, gradCam: true, name: item.name },
    });
    const { gradCam } = rows[index] ?? {};
    if (gradCam === undefined) throw new Error('the server sent no picture');
    return gradCam;
  }

  #again(): void {
    const { items } = this.state.value;
    this.state.patch({ items: items.map(item => ({ ...item, outcome: { kind: 'waiting' } })) });
    void this.#work();
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      for (let item = this.#next(); item; item = this.#next()) {
        const working: Item = { ...item, outcome: { kind: 'working' } };
        this.#replace(item, working);
        let outcome: Outcome;
        try {
          outcome = await this.#classify(item);
        } catch (error) {
          outcome = { kind: 'failed', why: (error as Error).message };
        }
        // Where it was set back to waiting, or taken out, this outcome is of no use.
        this.#replace(working, { ...working, outcome });
      }
    } finally {
      this.#working = false;
    }
  }

  #next(): Item | undefined {
    const { chosen, place, readiness } = this.session.state.value;
    if (!chosen || place.kind === 'starting' || readiness.kind !== 'ready') return undefined;
    return this.state.value.items.find(({ outcome }) => outcome.kind === 'waiting');
  }

  #replace(item: Item, by: Item): void {
    this.state.patch({ items: this.state.value.items.map(other => (other === item ? by : other)) });
  }

  async #classify({ file, name }: Item): Promise<Outcome> {
    const { findFaces } = this.state.value;
    const { chosen, place } = this.session.state.value;
    const { faces, server } = this.session;
    const network = chosen!;
    const begin = performance.now();
    let found: Found[];
    let looked: Looked | undefined;
    if (place.kind === 'here') {
      looked = await faces.look(file, network.image, findFaces);
      const { answers, seen } = await place.engine.classify(
        network,
        looked.subjects.map(({ pixels }) => pixels),
      );
      found = looked.subjects.map(({ box, pixels }, i) => {
        const { probabilities, top } = answers[i]!;
        return { box, probabilities: [...probabilities], top, seen: seen[i], subject: pixels };
      });
    } else {
      // What neither reads is not sent; what only the server reads is.
      if (!/^image\/(tiff|heic|heif)$/.test(file.type)) await faces.check(file);
      const rows = await server.classify(file, network, { faces: findFaces, name });
      const boxes = rows.map(({ box }) => box);
      looked = await faces.cut(file, network.image, boxes).catch(() => undefined);
      // What a run that crops its test images shows its network is known to the server only.
      const whole = network.augment === null;
      const { size: side, channels } = network.image;
      found = rows.map(({ box, emotions, top }, i) => ({
        ...{ box, probabilities: network.classes.map(name => emotions[name]!), top: network.classes.indexOf(top) },
        seen: looked && whole ? { height: side, width: side, channels, data: looked.subjects[i]!.pixels } : undefined,
        subject: undefined,
      }));
    }
    const size = looked && { width: looked.width, height: looked.height };
    const milliseconds = performance.now() - begin;
    return { kind: 'done', network, size, lookedForFaces: findFaces, found, milliseconds };
  }
}
