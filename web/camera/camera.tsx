import { useEffect, useRef, useState } from 'preact/hooks';
import type { ModelInfo } from '../../src/serve/api.js';
import { announce } from '../parts/announcer.js';
import { Bars } from '../parts/bars.js';
import { coloursOf } from '../parts/colours.js';
import { CameraIcon, SaveIcon, WarningIcon } from '../parts/icons.js';
import { Progress } from '../parts/model-card.js';
import { RasterView } from '../parts/raster.js';
import { save, stamp } from '../parts/save.js';
import { capital, percent, sentence } from '../parts/words.js';
import type { Session } from '../session.js';
import { useStore } from '../store.js';
import type { Live, LiveFace } from './live.js';
import { drawTracks } from './overlay.js';
import { Timeline } from './timeline.js';
import { topOf } from './top.js';

/** Seconds by which answers are smoothed. */
const SMOOTHING = [
  [0, 'off'],
  [0.4, '0.4 s'],
  [1, '1 s'],
  [2, '2 s'],
] as const;

/** Milliseconds between two things that are said aloud. */
const SAY_EVERY = 3000;

/** The camera's picture with its faces, what they look like now, and what they looked like over the last minute. */
export function Camera({ session, live }: { session: Session; live: Live }) {
  const state = useStore(live.state);
  const { chosen, place } = useStore(session.state);
  const { status, faces, rates, latency, cameras, mirrored, smoothing, fault, starting, recorded } = state;
  const [followed, setFollowed] = useState<number | undefined>(undefined);
  const video = useRef<HTMLVideoElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const isOn = status.kind === 'on';
  const shown = faces.find(({ id }) => id === followed) ?? faces[0];
  useOverlay(session, live, overlay);
  useSpoken(chosen, shown);
  const start = (camera?: string) => {
    void live.start(video.current!, camera);
  };
  return (
    <div class="camera">
      <section class="card stage-card" aria-label="Camera">
        <div class={isOn ? 'stage' : 'stage stage-off'}>
          <video ref={video} class={mirrored ? 'mirrored' : ''} muted playsInline aria-label="Camera picture" />
          <canvas ref={overlay} aria-hidden="true" />
          {!isOn && (
            <div class="stage-empty">
              <CameraIcon />
              <h2>{status.kind === 'asking' ? 'Waiting for the camera…' : 'Live classification'}</h2>
              {status.kind === 'failed' ? (
                <p class="problem" role="alert">
                  <WarningIcon /> {status.why}
                </p>
              ) : (
                <p>
                  {place.kind === 'server'
                    ? `Each frame goes to facegrad serve on ${session.isOwnMachine ? 'this machine' : session.host}, and is not kept.`
                    : 'Frames are classified in this browser and never leave it.'}
                </p>
              )}
              <button
                type="button"
                class="button button-main"
                disabled={status.kind === 'asking' || !chosen}
                onClick={() => {
                  start();
                }}
              >
                {status.kind === 'failed' ? 'Try again' : 'Start camera'}
              </button>
            </div>
          )}
        </div>
        {isOn && (
          <>
            <div class="row toolbar">
              <button
                type="button"
                class="button"
                onClick={() => {
                  live.stop();
                }}
              >
                Stop camera
              </button>
              <button
                type="button"
                class="button"
                onClick={() => {
                  void snapshot(session, live, video.current!).then(file => {
                    save(file, `facegrad-${stamp()}.png`);
                  });
                }}
              >
                <SaveIcon /> Save snapshot
              </button>
              {cameras.length > 1 && (
                <label class="field field-inline">
                  <span>Camera</span>
                  <select
                    value={cameras.find(({ label }) => label === status.label)?.id ?? ''}
                    onChange={event => {
                      start(event.currentTarget.value);
                    }}
                  >
                    {cameras.map(({ id, label }) => (
                      <option key={id} value={id}>
                        {label}
                      </option>
                    ))}
                  </select>
                </label>
              )}
              <label class="field field-inline">
                <span>Smoothing</span>
                <select
                  value={smoothing}
                  onChange={event => {
                    live.setSmoothing(Number(event.currentTarget.value));
                  }}
                >
                  {SMOOTHING.map(([value, text]) => (
                    <option key={value} value={value}>
                      {text}
                    </option>
                  ))}
                </select>
              </label>
              <label class="check">
                <input
                  type="checkbox"
                  checked={mirrored}
                  onChange={event => {
                    live.setMirrored(event.currentTarget.checked);
                  }}
                />
                Mirror
              </label>
            </div>
            <dl class="metrics">
              <Metric name="Classification" value={rates.classified.toFixed(1)} unit="/s" />
              <Metric name="Detection" value={rates.detected.toFixed(1)} unit="/s" />
              <Metric name="Camera" value={rates.camera.toFixed(1)} unit="/s" />
              <Metric name="Latency" value={latency === undefined ? '–' : latency.toFixed(0)} unit="ms" />
            </dl>
            {fault !== undefined && (
              <p class="problem" role="alert">
                <WarningIcon /> {sentence(fault)}
              </p>
            )}
          </>
        )}
      </section>
      {isOn && (
        <section class="card" aria-labelledby="faces-title">
          <h2 id="faces-title">Faces</h2>
          {starting ? (
            <Progress text="Starting face detection…" />
          ) : faces.length === 0 ? (
            <p class="hint">No face is seen. Faces that look at the camera upright are found.</p>
          ) : (
            <ul class="live-faces">
              {faces.map(face => (
                <li key={face.id}>
                  <FacePanel
                    face={face}
                    network={chosen!}
                    isFollowed={face === shown}
                    isAlone={faces.length === 1}
                    onFollow={() => {
                      setFollowed(face.id);
                    }}
                  />
                </li>
              ))}
            </ul>
          )}
        </section>
      )}
      {(isOn || recorded > 0) && chosen && (
        <section class="card timeline-card" aria-labelledby="timeline-title">
          <header class="row">
            <h2 id="timeline-title">Timeline{shown ? ` of face ${shown.id}` : ''}</h2>
            <span class="row row-end">
              <button
                type="button"
                class="button"
                disabled={recorded === 0}
                onClick={() => {
                  save(new Blob([live.record.csv()], { type: 'text/csv' }), `facegrad-timeline-${stamp()}.csv`);
                }}
              >
                <SaveIcon /> Save as CSV
              </button>
              <button
                type="button"
                class="button"
                disabled={recorded === 0}
                onClick={() => {
                  live.forgetRecord();
                }}
              >
                Clear
              </button>
            </span>
          </header>
          <Timeline
            record={live.record}
            classes={chosen.classes}
            face={shown?.id}
            tick={recorded}
            label={timelineLabel(chosen, shown)}
          />
          <ul class="legend" aria-hidden="true">
            {chosen.classes.map((name, k) => (
              <li key={name}>
                <span class="swatch" style={{ background: coloursOf(chosen.classes)[k] ?? '' }} />
                {capital(name)}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function Metric({ name, value, unit }: { name: string; value: string; unit: string }) {
  return (
    <div class="metric">
      <dt>{name}</dt>
      <dd>
        <strong>{value}</strong> {unit}
      </dd>
    </div>
  );
}

interface FacePanelProps {
  readonly face: LiveFace;
  readonly network: ModelInfo;
  readonly isFollowed: boolean;
  readonly isAlone: boolean;
  readonly onFollow: () => void;
}

function FacePanel({ face: { id, probabilities, seen }, network, isFollowed, isAlone, onFollow }: FacePanelProps) {
  const top = topOf(probabilities);
  return (
    <section class="finding" aria-label={`Face ${id}`}>
      <header class="finding-head row">
        <h3>
          Face {id}
          {top !== undefined && (
            <>
              : {capital(network.classes[top]!)} <span class="share">{percent(probabilities![top]!, 0)}</span>
            </>
          )}
        </h3>
        {!isAlone && (
          <button type="button" class="button button-small row-end" aria-pressed={isFollowed} onClick={onFollow}>
            {isFollowed ? 'In the timeline' : 'Show in the timeline'}
          </button>
        )}
      </header>
      <div class="finding-body">
        {seen && (
          <figure class="tile">
            <RasterView raster={seen} label={`What the network sees of face ${id}`} />
          </figure>
        )}
        <Bars
          classes={network.classes}
          colours={coloursOf(network.classes)}
          probabilities={probabilities}
          top={top}
          label={`Probabilities of face ${id}`}
        />
      </div>
    </section>
  );
}

/** Draws every frame's faces over the camera's picture. */
function useOverlay(session: Session, live: Live, overlay: { readonly current: HTMLCanvasElement | null }): void {
  useEffect(() => {
    live.drawWith((tracks, width, height) => {
      const { current } = overlay;
      if (!current) return;
      if (width > 0 && current.width !== width) current.width = width;
      if (height > 0 && current.height !== height) current.height = height;
      const context = current.getContext('2d')!;
      context.clearRect(0, 0, current.width, current.height);
      const unit = current.clientWidth > 0 ? current.width / current.clientWidth : 1;
      drawTracks(context, tracks, session.state.value.chosen, live.state.value.mirrored, unit);
    });
    return () => {
      live.drawWith(() => undefined);
    };
  }, [session, live]);
}

/** Says aloud what the face looks like, when that has changed. */
function useSpoken(network: ModelInfo | undefined, face: LiveFace | undefined): void {
  const top = topOf(face?.probabilities);
  const text = network && face && top !== undefined ? `Face ${face.id}: ${network.classes[top]!}` : '';
  const saidAt = useRef(-Infinity);
  useEffect(() => {
    if (text === '') return undefined;
    // Once it has stayed, and not right after the last.
    const wait = Math.max(700, saidAt.current + SAY_EVERY - performance.now());
    const timer = setTimeout(() => {
      saidAt.current = performance.now();
      announce(text);
    }, wait);
    return () => {
      clearTimeout(timer);
    };
  }, [text]);
}

function timelineLabel({ classes }: ModelInfo, face: LiveFace | undefined): string {
  const top = topOf(face?.probabilities);
  const now = face && top !== undefined ? `; now ${classes[top]!}` : '';
  return `Expressions${face ? ` of face ${face.id}` : ''} over the last minute${now}. The CSV file has the values.`;
}

/** The camera's picture with boxes and labels, as it is shown. */
async function snapshot(session: Session, live: Live, video: HTMLVideoElement): Promise<Blob> {
  const { mirrored, faces } = live.state.value;
  const { videoWidth: width, videoHeight: height } = video;
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d')!;
  context.save();
  if (mirrored) {
    context.translate(width, 0);
    context.scale(-1, 1);
  }
  context.drawImage(video, 0, 0);
  context.restore();
  drawTracks(context, faces, session.state.value.chosen, mirrored, Math.max(0.5, width / 900));
  return canvas.convertToBlob({ type: 'image/png' });
}
