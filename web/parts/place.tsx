import type { Place, Session } from '../session.js';
import { ChipIcon, ServerIcon } from './icons.js';
import { sentence } from './words.js';

/** Where networks run, in a few words. */
export function PlaceChip({ place }: { place: Place }) {
  switch (place.kind) {
    case 'starting':
      return <span class="chip">Starting WebGPU…</span>;
    case 'here':
      return (
        <span class="chip chip-good" title="Pictures and camera frames stay in this browser.">
          <ChipIcon /> In this browser · {place.adapter}
        </span>
      );
    case 'server':
      return (
        <span class="chip chip-warn">
          <ServerIcon /> Through the server
        </span>
      );
  }
}

/** Says that pictures leave the browser, and where they go. */
export function FallbackNotice({ place, session }: { place: Place; session: Session }) {
  if (place.kind !== 'server') return null;
  return (
    <div class="banner" role="note">
      <ServerIcon />
      <div>
        <p>
          <strong>{sentence(place.why)}</strong>{' '}
          {session.isOwnMachine
            ? 'Pictures and camera frames go to the facegrad serve process on this machine, which classifies them on its own adapter. They do not leave the machine.'
            : `Pictures and camera frames go over the network to ${session.host}, where facegrad serve classifies them on its own adapter.`}
        </p>
      </div>
    </div>
  );
}
