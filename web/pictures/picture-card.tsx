import { useEffect, useState } from 'preact/hooks';
import { Bars } from '../parts/bars.js';
import { coloursOf } from '../parts/colours.js';
import { CloseIcon, SaveIcon, WarningIcon } from '../parts/icons.js';
import { Progress } from '../parts/model-card.js';
import { RasterView } from '../parts/raster.js';
import { save } from '../parts/save.js';
import { capital, percent, sentence } from '../parts/words.js';
import type { Place } from '../session.js';
import type { Explanation, Found, Gallery, Item, Outcome } from './gallery.js';
import { labelledPicture } from './labelled.js';
import { summaryOf } from './summary.js';

export interface PictureCardProps {
  readonly item: Item;
  readonly place: Place;
  readonly gallery: Gallery;
  /** Whether a network is there to classify with. */
  readonly isReady: boolean;
  readonly onRemove: () => void;
}

type Done = Extract<Outcome, { kind: 'done' }>;

/** A picture with its faces boxed, and what was found in each. */
export function PictureCard({ item, place, gallery, isReady, onRemove }: PictureCardProps) {
  const { name, url, outcome } = item;
  return (
    <article class="card picture" aria-label={name}>
      <header class="picture-head">
        <h2 class="picture-name" title={name}>
          {name}
        </h2>
        {outcome.kind === 'done' && (
          <span class="hint">
            {outcome.size && `${outcome.size.width} × ${outcome.size.height} pixels · `}
            {Math.round(outcome.milliseconds)} ms
          </span>
        )}
        <span class="row row-end">
          {outcome.kind === 'done' && outcome.size && (
            <button
              type="button"
              class="button"
              onClick={() => {
                void labelledPicture(item.file, outcome).then(file => {
                  save(file, `${name.replace(/\.[^.]*$/, '')}-facegrad.png`);
                });
              }}
            >
              <SaveIcon /> Save with labels
            </button>
          )}
          <button type="button" class="button button-icon" aria-label={`Remove ${name}`} onClick={onRemove}>
            <CloseIcon />
          </button>
        </span>
      </header>
      {outcome.kind === 'failed' ? (
        <div class="problem" role="note">
          <WarningIcon />
          <p>
            <strong>{name}</strong> was not classified. {sentence(outcome.why)}
          </p>
          <button
            type="button"
            class="button button-small"
            onClick={() => {
              gallery.retry(item);
            }}
          >
            Try again
          </button>
        </div>
      ) : (
        <div class="picture-body">
          <figure class="photo">
            <div class="photo-frame">
              <img src={url} alt={summaryOf(item)} />
              {outcome.kind === 'done' && outcome.size && <Boxes outcome={outcome} size={outcome.size} />}
            </div>
          </figure>
          <div class="findings">
            {outcome.kind === 'done' ? (
              outcome.found.map((found, i) => (
                <Finding key={`${outcome.network.id} ${i}`} {...{ item, outcome, found, place, gallery }} index={i} />
              ))
            ) : (
              <Progress
                text={
                  outcome.kind === 'working' ? 'Looking…' : isReady ? 'Waits for its turn…' : 'Waits for the model…'
                }
              />
            )}
          </div>
        </div>
      )}
    </article>
  );
}

function Boxes({ outcome, size: { width, height } }: { outcome: Done; size: { width: number; height: number } }) {
  const { found, network } = outcome;
  const colours = coloursOf(network.classes);
  return (
    <div aria-hidden="true">
      <svg class="boxes" viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none">
        {found.map(({ box, top }, i) =>
          box ? <rect key={i} {...box} rx={box.width * 0.04} stroke={colours[top] ?? ''} /> : null,
        )}
      </svg>
      {found.map(({ box, top }, i) =>
        box ? (
          <span
            key={i}
            class={box.y / height < 0.08 ? 'box-label box-label-inside' : 'box-label'}
            style={{
              left: `${(100 * box.x) / width}%`,
              top: `${(100 * box.y) / height}%`,
              borderColor: colours[top] ?? '',
            }}
          >
            {i + 1} {capital(network.classes[top]!)}
          </span>
        ) : null,
      )}
    </div>
  );
}

interface FindingProps {
  readonly item: Item;
  readonly outcome: Done;
  readonly found: Found;
  readonly index: number;
  readonly place: Place;
  readonly gallery: Gallery;
}

function Finding({ item, outcome, found, index, place, gallery }: FindingProps) {
  const { network, lookedForFaces } = outcome;
  const { classes } = network;
  const { box, probabilities, top, seen } = found;
  const what = box ? `Face ${index + 1}` : 'Whole picture';
  return (
    <section class="finding" aria-label={what}>
      <header class="finding-head">
        <h3>
          {what}: {capital(classes[top]!)} <span class="share">{percent(probabilities[top]!)}</span>
        </h3>
        {!box && lookedForFaces && (
          <p class="badge" role="note">
            No face was found, so all of the picture was classified
          </p>
        )}
      </header>
      <div class="finding-body">
        <figure class="tile">
          {seen ? (
            <RasterView raster={seen} label={`What the network saw of ${what.toLowerCase()}`} />
          ) : (
            <div class="raster raster-none">Known to the server only</div>
          )}
          <figcaption>What the network saw</figcaption>
        </figure>
        <Bars
          classes={classes}
          colours={coloursOf(classes)}
          probabilities={probabilities}
          top={top}
          label={`Probabilities of ${what.toLowerCase()}`}
        />
        <Explained {...{ item, outcome, found, index, place, gallery, what }} />
      </div>
    </section>
  );
}

/** Grad-CAM, once it is asked for. */
function Explained({ item, outcome, found, index, place, gallery, what }: FindingProps & { what: string }) {
  const { classes } = outcome.network;
  const [wanted, setWanted] = useState<number | undefined>(undefined);
  // The server explains what is likeliest.
  const which = wanted !== undefined && place.kind === 'server' ? found.top : wanted;
  const [explanation, setExplanation] = useState<Explanation | Error | undefined>(undefined);
  useEffect(() => {
    if (which === undefined) return undefined;
    let current = true;
    setExplanation(undefined);
    gallery.explain(item, index, which).then(
      result => {
        if (current) setExplanation(() => result);
      },
      (error: unknown) => {
        if (current) setExplanation(error as Error);
      },
    );
    return () => {
      current = false;
    };
    // The same picture, classified anew, is explained anew.
  }, [which, outcome]);
  if (which === undefined) {
    return (
      <button
        type="button"
        class="button finding-explain"
        onClick={() => {
          setWanted(found.top);
        }}
      >
        Show Grad-CAM
      </button>
    );
  }
  const name = classes[which]!;
  return (
    <div class="explained">
      <figure class="tile">
        {explanation === undefined ? (
          <div class="raster raster-none">
            <Progress text="Computing…" />
          </div>
        ) : explanation instanceof Error ? (
          <div class="raster raster-none" role="alert">
            {sentence(explanation.message)}
          </div>
        ) : typeof explanation === 'string' ? (
          <img class="raster" src={explanation} alt={`Grad-CAM of ${name} for ${what.toLowerCase()}`} />
        ) : (
          <RasterView raster={explanation} label={`Grad-CAM of ${name} for ${what.toLowerCase()}`} />
        )}
        <figcaption>Red speaks for “{name}”</figcaption>
      </figure>
      <div class="explained-controls">
        {place.kind === 'here' && (
          <label class="field">
            <span>Grad-CAM of</span>
            <select
              value={which}
              onChange={event => {
                setWanted(Number(event.currentTarget.value));
              }}
            >
              {classes.map((option, k) => (
                <option key={option} value={k}>
                  {capital(option)}
                </option>
              ))}
            </select>
          </label>
        )}
        <button
          type="button"
          class="button"
          onClick={() => {
            setWanted(undefined);
          }}
        >
          Hide Grad-CAM
        </button>
      </div>
    </div>
  );
}
