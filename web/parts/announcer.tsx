import { Store, useStore } from '../store.js';

/** Lines that stay, so that none is gone before it was read. */
const KEPT = 12;

const said = new Store<readonly { readonly id: number; readonly text: string }[]>([]);
let next = 0;

/** Has screen readers say something when they have said what they are saying. */
export function announce(text: string): void {
  said.set([...said.value, { id: next++, text }].slice(-KEPT));
}

/** Where that stands. */
export function Announcer() {
  return (
    <div class="visually-hidden" role="log" aria-live="polite" aria-label="What was classified">
      {useStore(said).map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  );
}
