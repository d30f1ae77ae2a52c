import '../zod-without-eval.js';
import { expose, transfer } from 'comlink';
import { toChannels } from '../../src/data/decode/channels.js';
import { overlayOf } from '../../src/evaluate/explain/overlay.js';
import type { TrainedNetwork } from '../../src/evaluate/place.js';
import { Classifier, type Answer } from '../../src/evaluate/predict/classifier.js';
import { faceSubject } from '../../src/evaluate/predict/subject.js';
import { decodeSafeTensors } from '../../src/interop/safetensors.js';
import type { ModelInfo } from '../../src/serve/api.js';
import { download } from '../server/download.js';
import { withoutAlpha, type Raster } from '../raster.js';
import { openBrowserDevice, type Opened } from './open.js';

/** Subjects that go to the GPU at once; more are done in turns. */
const BATCH = 16;

/** How far a network is on its way to the GPU. */
export type Loading = { readonly phase: 'weights'; readonly fraction: number } | { readonly phase: 'shaders' };

/** One entry a subject, in their order. */
export interface Reply {
  readonly answers: readonly Answer[];
  /** What reached the network; empty where telling would take another run. */
  readonly seen: readonly Raster[];
}

let opened: Opened | undefined;
let placed: { readonly info: ModelInfo; readonly classifier: Classifier } | undefined;

/** One thing at a time: explaining switches what the network records, and loading replaces it. */
let last: Promise<unknown> = Promise.resolve();

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const result = last.then(work, work);
  last = result;
  return result;
}

/** The network of that id: another may have been chosen since it was asked for. */
function loaded(id: string) {
  if (placed?.info.id !== id) throw new Error('that network is not loaded');
  return placed;
}

const api = {
  /**
   * Opens the browser's WebGPU; gives the adapter's name.
   * @throws {NoWebGpu} where there is none
   */
  async open(): Promise<string> {
    opened = await openBrowserDevice();
    return opened.adapter;
  },

  /** Resolves with the reason when the device is lost. */
  lost(): Promise<string> {
    return opened!.lost;
  },

  /** Fetches a network's weights, puts it on the GPU in the place of the one before, and compiles its kernels. */
  load(info: ModelInfo, token: string | undefined, onProgress: (loading: Loading) => void): Promise<void> {
    return inTurn(async () => {
      const bytes = await download(info.weights, token, info.bytes, fraction => {
        onProgress({ phase: 'weights', fraction });
      });
      onProgress({ phase: 'shaders' });
      placed?.classifier.dispose();
      placed = undefined;
      const classifier = Classifier.place(opened!.device, networkOf(info, bytes), info.image, { batchSize: BATCH });
      // Kernels compile when they are first used: now, while the page says so. Few images and many have kernels of their own.
      const { size, channels } = info.image;
      const blank = { pixels: new Uint8Array(size * size * channels) };
      for (const count of [1, opened!.device.subgroupSize + 1]) {
        await classifier.answers(new Array<typeof blank>(Math.min(count, BATCH)).fill(blank));
      }
      placed = { info, classifier };
    });
  },

  /** @param subjects (size,size,channels) bytes each, as the network takes them */
  classify(id: string, subjects: readonly Uint8Array[]): Promise<Reply> {
    return inTurn(async () => {
      const { classifier, info } = loaded(id);
      const all = subjects.map(pixels => ({ pixels }));
      const answers = await classifier.answers(all);
      const { height, width, pictures } = await classifier.seen(all);
      const seen = pictures.map(data => ({ height, width, channels: info.image.channels, data }));
      return { answers: answers.map(own), seen };
    });
  },

  /** Classifies squares that were cut out of a frame: (side,side,4) bytes each, RGBA. */
  classifySquares(id: string, squares: readonly Uint8Array[]): Promise<Reply> {
    return inTurn(async () => {
      const { classifier, info } = loaded(id);
      const { size, channels } = info.image;
      const subjects = squares.map(rgba => squareSubject(rgba, info));
      const answers = await classifier.answers(subjects);
      const whole = classifier.network.augmenter === undefined;
      const seen = whole ? subjects.map(({ pixels: data }) => ({ height: size, width: size, channels, data })) : [];
      return { answers: answers.map(own), seen };
    });
  },

  /** Grad-CAM: what speaks for a class, drawn over what the network saw; (height,width,3) bytes. */
  explain(id: string, subject: Uint8Array, which: number): Promise<Raster> {
    return inTurn(async () => {
      const heat = await loaded(id).classifier.explain([{ pixels: subject }], { method: 'grad-cam' }, [which]);
      const data = overlayOf(heat, 0);
      return transfer({ height: heat.height, width: heat.width, channels: 3, data }, [data.buffer]);
    });
  },
};

export type EngineApi = typeof api;

function networkOf(info: ModelInfo, bytes: Uint8Array): TrainedNetwork {
  const { name, model, modelOptions, classes, normalisation, image, augment } = info;
  const { mean, std, imagenet } = normalisation;
  return {
    ...{ file: name, model: { model, ...modelOptions }, state: decodeSafeTensors(bytes, name).tensors },
    known: { classes: [...classes], mean: [...mean], std: [...std], imagenet },
    ...{ equalize: image.equalize, augment: augment ?? undefined, tuning: new Map() },
  };
}

function squareSubject(rgba: Uint8Array, { image }: ModelInfo) {
  const side = Math.sqrt(rgba.length / 4);
  const { channels } = image;
  const picture = { data: toChannels(withoutAlpha(rgba), 3, channels), width: side, height: side, channels };
  return faceSubject(picture, { x: 0, y: 0, width: side, height: side }, image);
}

/** Answers of one run are views of one array, which would travel with each of them. */
function own({ probabilities, top }: Answer): Answer {
  return { probabilities: probabilities.slice(), top };
}

expose(api);
