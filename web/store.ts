import { useEffect, useState } from 'preact/hooks';

/** A value that changes, and who hears of it. */
export class Store<T> {
  #value: T;
  readonly #hearers = new Set<(value: T) => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const hear of [...this.#hearers]) hear(value);
  }

  /** Replaces what of the value is named. */
  patch(part: Partial<T>): void {
    this.set({ ...this.#value, ...part });
  }

  /** Gives a function that ends it. */
  subscribe(hear: (value: T) => void): () => void {
    this.#hearers.add(hear);
    return () => {
      this.#hearers.delete(hear);
    };
  }
}

/** The value of a store; the component is drawn again when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSelected(store, value => value);
}

/**
 * What `select` takes of a store's value; the component is drawn again when that changes.
 * @param select the same function, or one that takes the same, at every drawing
 */
export function useSelected<T, S>(store: Store<T>, select: (value: T) => S): S {
  const [selected, setSelected] = useState(() => select(store.value));
  useEffect(() => {
    const update = () => {
      setSelected(() => select(store.value));
    };
    // It may have changed between drawing and now.
    update();
    return store.subscribe(update);
  }, [store]);
  return selected;
}
