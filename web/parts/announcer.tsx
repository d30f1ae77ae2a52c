import { Store, useStore } from '../store.js';

const said = new Store('');

/** Has screen readers say something when they have said what they are saying. */
export function announce(text: string): void {
  said.set(text);
}

/** Where that stands. */
export function Announcer() {
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {useStore(said)}
    </div>
  );
}
