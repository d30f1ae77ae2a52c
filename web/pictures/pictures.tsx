import { useEffect, useRef } from 'preact/hooks';
import { rowFormat } from '../../src/evaluate/predict/rows.js';
import { announce } from '../parts/announcer.js';
import { PicturesIcon, SaveIcon } from '../parts/icons.js';
import { save, stamp } from '../parts/save.js';
import { counted } from '../parts/words.js';
import type { Session } from '../session.js';
import { useStore } from '../store.js';
import type { Gallery, Item } from './gallery.js';
import { PictureCard } from './picture-card.js';
import { summaryOf } from './summary.js';

/** Pictures that somebody drops, pastes or chooses, and what was found in them. */
export function Pictures({ session, gallery }: { session: Session; gallery: Gallery }) {
  const { items, findFaces } = useStore(gallery.state);
  const { chosen, place, readiness } = useStore(session.state);
  const input = useRef<HTMLInputElement>(null);
  const choose = useRef<HTMLButtonElement>(null);
  useAnnouncements(items);
  const done = items.filter(({ outcome }) => outcome.kind === 'done' || outcome.kind === 'failed').length;
  const remove = (item: Item) => {
    gallery.remove(item.id);
    // The button that had the focus is gone.
    choose.current?.focus();
  };
  return (
    <>
      <div class={items.length === 0 ? 'dropzone dropzone-empty' : 'dropzone'}>
        {items.length === 0 && (
          <>
            <PicturesIcon />
            <h2>Drop pictures here</h2>
            <p>
              or paste them, or choose them from your files: JPEG, PNG, WebP, GIF, AVIF.
              {place.kind === 'here' && ' They stay in this browser.'}
            </p>
          </>
        )}
        <div class="row">
          <button
            type="button"
            class="button button-main"
            ref={choose}
            onClick={() => {
              input.current?.click();
            }}
          >
            {items.length === 0 ? 'Choose pictures' : 'Add pictures'}
          </button>
          <input
            ref={input}
            type="file"
            accept="image/*"
            multiple
            hidden
            aria-label="Pictures"
            onChange={event => {
              gallery.add([...(event.currentTarget.files ?? [])]);
              // Else the same file could not be chosen again.
              event.currentTarget.value = '';
            }}
          />
          <label class="check">
            <input
              type="checkbox"
              checked={findFaces}
              onChange={event => {
                gallery.setFindFaces(event.currentTarget.checked);
              }}
            />
            Find faces
          </label>
          {items.length > 0 && (
            <span class="row row-end">
              <span class="hint">
                {done < items.length && readiness.kind === 'ready'
                  ? `${done} of ${counted(items.length, 'picture')} done`
                  : counted(items.length, 'picture')}
              </span>
              <button
                type="button"
                class="button"
                disabled={done < items.length}
                onClick={() => {
                  save(tableOf(items), `facegrad-${stamp()}.csv`);
                }}
              >
                <SaveIcon /> Save as CSV
              </button>
              <button
                type="button"
                class="button"
                onClick={() => {
                  gallery.clear();
                  choose.current?.focus();
                }}
              >
                Remove all
              </button>
            </span>
          )}
        </div>
      </div>
      <ul class="cards" aria-label="Pictures">
        {items.map(item => (
          <li key={item.id}>
            <PictureCard
              item={item}
              place={place}
              gallery={gallery}
              isReady={readiness.kind === 'ready' && chosen !== undefined}
              onRemove={() => {
                remove(item);
              }}
            />
          </li>
        ))}
      </ul>
    </>
  );
}

/** The table that `facegrad predict --csv` writes. */
function tableOf(items: readonly Item[]): Blob {
  const classes = items.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.network.classes] : []))[0] ?? [];
  const format = rowFormat('csv', classes);
  const rows = items.flatMap(({ name, outcome }) => {
    if (outcome.kind === 'failed') return [format.row({ file: name, error: outcome.why }, false)];
    if (outcome.kind !== 'done') return [];
    return outcome.found.map(({ box, probabilities, top }) =>
      format.row(
        {
          ...{ file: name, box, top: classes[top]! },
          ...(outcome.lookedForFaces ? { face: box !== null } : {}),
          emotions: Object.fromEntries(classes.map((name, k) => [name, probabilities[k]!])),
        },
        false,
      ),
    );
  });
  return new Blob([format.start, ...rows, format.end], { type: 'text/csv' });
}

/** Says aloud what has been classified since. */
function useAnnouncements(items: readonly Item[]): void {
  const told = useRef(new Set<string>());
  useEffect(() => {
    const news: string[] = [];
    for (const item of items) {
      if (item.outcome.kind !== 'done' && item.outcome.kind !== 'failed') {
        // It will be told anew.
        for (const key of told.current) if (key.startsWith(`${item.id} `)) told.current.delete(key);
        continue;
      }
      const text = summaryOf(item);
      const key = `${item.id} ${text}`;
      if (told.current.has(key)) continue;
      told.current.add(key);
      news.push(text);
    }
    for (const text of news) announce(text);
  }, [items]);
}
