import { squareAround, type Box } from '../../src/faces/box.js';
import type { ModelInfo } from '../../src/serve/api.js';
import type { Engine } from '../engine/engine.js';
import type { Reply } from '../engine/worker.js';
import type { Raster } from '../raster.js';
import type { Session } from '../session.js';
import { Store } from '../store.js';
import { cameraFault } from './faults.js';
import { FrameReader, watchFrames } from './frames.js';
import { Rate, Recent } from './rates.js';
import { TimeRecord } from './record.js';
import { Tracks, type Track } from './tracks.js';

/** Faces that are classified in a frame. */
const MOST_FACES = 4;
/** Longer side of the copy in which faces are looked for, in pixels: the time grows with them. */
const DETECT_SIDE = 320;
/** Milliseconds between the beginnings of two searches: faces move little, and their boxes are kept meanwhile. */
const DETECT_EVERY = 66;
/** Milliseconds between two changes of what is told in words and bars. */
const TELL_EVERY = 100;

export type Status =
  | { readonly kind: 'off' }
  | { readonly kind: 'asking' }
  | { readonly kind: 'on'; readonly label: string }
  | { readonly kind: 'failed'; readonly why: string };

/** A face as it is told. */
export interface LiveFace extends Track {
  /** What reached the network last. */
  readonly seen: Raster | undefined;
}

export interface LiveState {
  readonly status: Status;
  readonly cameras: readonly { readonly id: string; readonly label: string }[];
  /** The largest first. */
  readonly faces: readonly LiveFace[];
  /** Times a second: frames of the camera, frames that were classified, and frames in which faces were looked for. */
  readonly rates: { readonly camera: number; readonly classified: number; readonly detected: number };
  /** Milliseconds from the taking of a frame to its labels, in the median; undefined until there was one. */
  readonly latency: number | undefined;
  readonly smoothing: number;
  readonly mirrored: boolean;
  /** What went wrong with a frame, while the camera is on. */
  readonly fault: string | undefined;
  /** Whether the face detector is still starting. */
  readonly starting: boolean;
  /** Samples in the record. */
  readonly recorded: number;
}

/** What hears of every frame's result; it draws. */
export type OnTracks = (tracks: readonly Track[], width: number, height: number) => void;

/** The camera: frames become followed faces with smoothed answers, on the page's GPU or on the server's. */
export class Live {
  readonly state = new Store<LiveState>({
    ...{ status: { kind: 'off' }, cameras: [], faces: [], rates: { camera: 0, classified: 0, detected: 0 } },
    ...{ latency: undefined, smoothing: 0.4, mirrored: true, fault: undefined, starting: false, recorded: 0 },
  });
  readonly record = new TimeRecord();
  readonly #tracks = new Tracks(this.state.value.smoothing, MOST_FACES);
  readonly #seen = new Map<number, Raster>();
  #stream: MediaStream | undefined;
  #reader: FrameReader | undefined;
  #stopWatching: (() => void) | undefined;
  /** Counts starts and stops: what comes of an earlier one is passed over. */
  #turn = 0;
  #detecting = false;
  #detectedAt = -Infinity;
  #classifying = false;
  /** When the frame was taken that is shown, and the one that was classified last. */
  #shown = -Infinity;
  #begun = -Infinity;
  #toldAt = -Infinity;
  #rates = { camera: new Rate(), classified: new Rate(), detected: new Rate() };
  #latency = new Recent();
  #onTracks: OnTracks = () => undefined;

  constructor(private readonly session: Session) {
    let { chosen } = session.state.value;
    session.state.subscribe(now => {
      if (now.chosen === chosen) return;
      chosen = now.chosen;
      this.#tracks.forgetAnswers();
      this.#seen.clear();
      this.state.patch({ faces: this.state.value.faces.map(({ id, box }) => bare(id, box)) });
    });
  }

  /** Says where results are drawn. */
  drawWith(onTracks: OnTracks): void {
    this.#onTracks = onTracks;
  }

  /** Asks for the camera, and begins. */
  async start(video: HTMLVideoElement, camera?: string): Promise<void> {
    this.stop();
    [this.#shown, this.#begun] = [-Infinity, -Infinity];
    const turn = ++this.#turn;
    this.state.patch({ status: { kind: 'asking' }, fault: undefined });
    try {
      const stream = await openCamera(camera);
      if (turn !== this.#turn) {
        endOf(stream);
        return;
      }
      this.#stream = stream;
      video.srcObject = stream;
      await video.play();
      if (turn !== this.#turn) return;
      const [track] = stream.getVideoTracks();
      track!.addEventListener('ended', () => {
        if (turn !== this.#turn) return;
        this.stop();
        this.state.patch({
          status: { kind: 'failed', why: 'The camera was taken away: unplugged, or used elsewhere.' },
        });
      });
      this.#reader = new FrameReader(video);
      this.#rates = { camera: new Rate(), classified: new Rate(), detected: new Rate() };
      this.#latency = new Recent();
      this.state.patch({ status: { kind: 'on', label: track!.label }, cameras: await listCameras() });
      if (this.session.state.value.place.kind === 'here') void this.#startDetector(turn);
      this.#stopWatching = watchFrames(video, takenAt => {
        this.#frame(takenAt, turn);
      });
    } catch (error) {
      if (turn !== this.#turn) return;
      this.stop();
      this.state.patch({ status: { kind: 'failed', why: cameraFault(error) } });
    }
  }

  stop(): void {
    this.#turn++;
    this.#stopWatching?.();
    if (this.#stream) endOf(this.#stream);
    this.#stream = undefined;
    this.#reader = undefined;
    this.#tracks.clear();
    this.#seen.clear();
    this.state.patch({ status: { kind: 'off' }, faces: [], fault: undefined, starting: false });
  }

  setSmoothing(smoothing: number): void {
    this.#tracks.smoothing = smoothing;
    this.state.patch({ smoothing });
  }

  setMirrored(mirrored: boolean): void {
    this.state.patch({ mirrored });
    this.#draw();
  }

  forgetRecord(): void {
    this.record.clear();
    this.state.patch({ recorded: 0 });
  }

  async #startDetector(turn: number): Promise<void> {
    this.state.patch({ starting: true });
    try {
      await this.session.faces.start();
    } catch (error) {
      if (turn === this.#turn) this.state.patch({ fault: (error as Error).message });
    } finally {
      if (turn === this.#turn) this.state.patch({ starting: false });
    }
  }

  #frame(takenAt: number, turn: number): void {
    this.#rates.camera.happened(performance.now());
    this.#shown = takenAt;
    this.#next(turn);
    if (this.session.state.value.place.kind === 'here') void this.#detect(takenAt, turn);
    this.#tell();
  }

  /** Has the frame that is shown classified, unless one is under way or it was before. */
  #next(turn: number): void {
    const { chosen, place, readiness } = this.session.state.value;
    if (!chosen || readiness.kind !== 'ready' || this.#classifying || this.#shown <= this.#begun) return;
    if (place.kind === 'server') void this.#ask(chosen, turn);
    if (place.kind === 'here' && this.#tracks.current.length > 0) void this.#classify(place.engine, chosen, turn);
  }

  /** The way of every classification: one at a time, and the next at once where a newer frame is there already. */
  async #inTurn(turn: number, work: (takenAt: number) => Promise<void>): Promise<void> {
    this.#classifying = true;
    this.#begun = this.#shown;
    try {
      await work(this.#begun);
    } catch (error) {
      this.#failed(error, turn);
    } finally {
      this.#classifying = false;
    }
    if (turn === this.#turn) this.#next(turn);
  }

  async #detect(takenAt: number, turn: number): Promise<void> {
    const now = performance.now();
    if (this.#detecting || this.state.value.starting || now - this.#detectedAt < DETECT_EVERY) return;
    this.#detecting = true;
    this.#detectedAt = now;
    try {
      const { image, scale } = this.#reader!.shrunk(DETECT_SIDE);
      const boxes = await this.session.faces.detect(image, {});
      if (turn !== this.#turn) return;
      const { width, height } = this.#reader!;
      const grown = boxes.map(box => {
        const [x, y] = [Math.round(box.x / scale), Math.round(box.y / scale)];
        return {
          ...{ x, y, width: Math.min(width - x, Math.round(box.width / scale)) },
          height: Math.min(height - y, Math.round(box.height / scale)),
        };
      });
      this.#tracks.detected(grown, takenAt);
      this.#rates.detected.happened(performance.now());
      if (this.#tracks.current.length === 0) this.#draw();
    } catch (error) {
      this.#failed(error, turn);
    } finally {
      this.#detecting = false;
    }
  }

  #classify(engine: Engine, network: ModelInfo, turn: number): Promise<void> {
    return this.#inTurn(turn, async takenAt => {
      const tracks = this.#tracks.current;
      const reader = this.#reader!;
      const frame = { width: reader.width, height: reader.height };
      const ids = tracks.map(({ id }) => id);
      const squares = reader.parts(tracks.map(({ box }) => squareAround(box, frame)));
      let reply: Reply;
      try {
        reply = await engine.classifySquares(
          network,
          squares.map(({ data }) => new Uint8Array(data.buffer)),
        );
      } catch (error) {
        // A frame that was lost with its device, or with its network, is no fault: the next one comes.
        if ((await engine.recovered()) || this.session.state.value.chosen !== network) return;
        throw error;
      }
      if (turn !== this.#turn || this.session.state.value.chosen !== network) return;
      reply.answers.forEach(({ probabilities }, i) => {
        this.#tracks.classified(ids[i]!, probabilities, takenAt);
        const seen = reply.seen[i];
        if (seen) this.#seen.set(ids[i]!, seen);
      });
      this.#answered(network, takenAt);
    });
  }

  /** Has the server find the faces of a frame, and classify them. */
  #ask(network: ModelInfo, turn: number): Promise<void> {
    return this.#inTurn(turn, async takenAt => {
      const frame = await this.#reader!.file('image/jpeg');
      const rows = await this.session.server.classify(frame, network, { faces: true, name: 'camera' });
      if (turn !== this.#turn || this.session.state.value.chosen !== network) return;
      const faces = rows.filter(({ box }) => box !== null);
      this.#rates.detected.happened(performance.now());
      this.#tracks.detected(
        faces.map(({ box }) => box!),
        takenAt,
      );
      for (const { box, emotions } of faces) {
        const track = this.#tracks.at(box!);
        const probabilities = network.classes.map(name => emotions[name]!);
        if (track) this.#tracks.classified(track.id, probabilities, takenAt);
      }
      this.#answered(network, takenAt);
    });
  }

  #answered(network: ModelInfo, takenAt: number): void {
    const now = performance.now();
    this.#rates.classified.happened(now);
    this.#latency.add(now - takenAt);
    this.#draw();
    const time = Date.now();
    this.record.add(
      this.#tracks.current.flatMap(({ id, box, probabilities }) =>
        probabilities ? [{ time, network, face: id, box, probabilities }] : [],
      ),
    );
    if (this.state.value.fault !== undefined) this.state.patch({ fault: undefined });
  }

  #failed(error: unknown, turn: number): void {
    if (turn === this.#turn) this.state.patch({ fault: (error as Error).message });
  }

  #draw(): void {
    const { width = 0, height = 0 } = this.#reader ?? {};
    this.#onTracks(this.#tracks.current, width, height);
  }

  #tell(): void {
    const now = performance.now();
    if (now - this.#toldAt < TELL_EVERY) return;
    this.#toldAt = now;
    const { camera, classified, detected } = this.#rates;
    this.state.patch({
      faces: this.#tracks.current.map(track => ({ ...track, seen: this.#seen.get(track.id) })),
      rates: { camera: camera.at(now), classified: classified.at(now), detected: detected.at(now) },
      latency: this.#latency.median,
      recorded: this.record.length,
    });
  }
}

/** A face of which nothing is known but where it is. */
function bare(id: number, box: Box): LiveFace {
  return { id, box, probabilities: undefined, seen: undefined };
}

function openCamera(camera: string | undefined): Promise<MediaStream> {
  // Absent on pages that came over http from another machine.
  const devices = (navigator as Partial<Navigator>).mediaDevices;
  if (!devices) throw new DOMException('', 'SecurityError');
  const which = camera === undefined ? { facingMode: 'user' } : { deviceId: { exact: camera } };
  const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  return devices.getUserMedia({ audio: false, video: { ...which, ...size } });
}

async function listCameras(): Promise<{ id: string; label: string }[]> {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter(({ kind }) => kind === 'videoinput')
    .map(({ deviceId, label }, i) => ({ id: deviceId, label: label || `Camera ${i + 1}` }));
}

function endOf(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
