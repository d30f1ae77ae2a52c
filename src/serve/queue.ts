import sharp from 'sharp';
import { Predictor } from '../evaluate/predict/predict.js';
import type { Prediction } from '../evaluate/predict/prediction.js';
import { jsonOf } from '../evaluate/predict/rows.js';
import type { FaceDetector } from '../faces/detector.js';
import { loadFaceDetector } from '../faces/node.js';
import type { Device } from '../gpu/device.js';
import { ampProblem, type Precision } from '../gpu/matrices.js';
import { openDevice as openNodeDevice, type OpenOptions } from '../gpu/node.js';
import { adapterName } from '../train/trainer.js';
import { UserError } from '../util/errors.js';
import type { ClassifiedRow } from './api.js';
import type { ServedModel } from './models.js';
import { Refusal } from './refusal.js';

/** Images that one run of a network answers. */
const MOST_TOGETHER = 16;
/** Pixels of all of them together; a larger image is answered alone. */
const PIXELS_TOGETHER = 16_000_000;
/** After so long without a question, spare memory of the GPU is given back. */
const IDLE_MS = 5000;

/** An image that is asked about. */
export interface Question {
  readonly model: ServedModel;
  /** As answers call it. */
  readonly file: string;
  readonly bytes: Uint8Array;
  /** Of the image. */
  readonly pixels: number;
  /** Look for faces, and answer for each. */
  readonly faces: boolean;
  /** Draw what spoke for the answer. */
  readonly gradCam: boolean;
  /** Aborted where nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
}

interface Waiting {
  readonly question: Question;
  readonly resolve: (rows: ClassifiedRow[]) => void;
  readonly reject: (error: unknown) => void;
}

/** On which adapter a queue has its networks answer, and who hears of what happens there. */
export interface QueueOptions extends Pick<OpenOptions, 'adapter' | 'backend' | 'precision'> {
  /** Told what somebody who watches the server should know. */
  readonly onNote?: (text: string) => void;
  /** By default that of Node. */
  readonly openDevice?: typeof openNodeDevice;
}

/** Where a network of a precision lives. */
interface Place {
  readonly device: Device;
  readonly predictors: Map<ServedModel, Predictor>;
}

/**
 * Answers questions on the server's own adapter, one batch after the other; questions that wait for the same network become
 * one batch. Adapter and networks are opened when they are first needed; a device that has failed is replaced.
 */
export class ClassifyQueue {
  readonly #places = new Map<Precision, Promise<Place>>();
  #detector: Promise<FaceDetector> | undefined;
  readonly #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;
  #idle: NodeJS.Timeout | undefined;
  #adapter: string | undefined;

  constructor(private readonly options: QueueOptions = {}) {}

  /** Name of the adapter, once there was a question. */
  get adapter(): string | undefined {
    return this.#adapter;
  }

  /**
   * A row for the image, or for each face in it.
   * @throws {Refusal} where the image cannot be read, or the network cannot be asked so
   */
  classify(question: Question): Promise<ClassifiedRow[]> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ question, resolve, reject });
      clearTimeout(this.#idle);
      this.#working ??= this.#work();
    });
  }

  /** Answers what waits, then gives the GPU back. */
  async dispose(): Promise<void> {
    await this.#working;
    clearTimeout(this.#idle);
    for (const place of this.#places.values()) (await place.catch(() => undefined))?.device.destroy();
    this.#places.clear();
    (await this.#detector?.catch(() => undefined))?.dispose();
    this.#detector = undefined;
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) await this.#answer(this.#next());
    this.#working = undefined;
    this.#idle = setTimeout(() => void this.#trim(), IDLE_MS).unref();
  }

  /** The question that has waited longest, and others that the same run of the network can answer. */
  #next(): Waiting[] {
    const { model, faces, gradCam } = this.#waiting[0]!.question;
    const alike = this.#waiting.filter(
      ({ question: other }) => other.model === model && other.faces === faces && other.gradCam === gradCam,
    );
    // They are decoded side by side: several large photographs would fill the memory.
    let pixels = 0;
    const fitting = alike.findIndex(({ question }, n) => (pixels += question.pixels) > PIXELS_TOGETHER && n > 0);
    const count = Math.min(fitting < 0 ? alike.length : fitting, MOST_TOGETHER);
    // Each size of a batch has buffers of its own: powers of two are few.
    const together = alike.slice(0, 2 ** Math.floor(Math.log2(count)));
    for (const one of together) this.#waiting.splice(this.#waiting.indexOf(one), 1);
    return together;
  }

  /** @param again whether this is on a new device, after another has failed */
  async #answer(together: readonly Waiting[], again = false): Promise<void> {
    const wanted = together.filter(({ question }) => !question.signal?.aborted);
    for (const { question, reject } of together) if (question.signal?.aborted) reject(question.signal.reason);
    if (wanted.length === 0) return;
    let rows: (ClassifiedRow[] | Refusal)[];
    try {
      rows = await this.#rowsOf(wanted.map(({ question }) => question));
    } catch (error) {
      const replaced = await this.#replaceFailed(wanted[0]!.question.model);
      // It may be the fault of one of them alone.
      if (wanted.length > 1) for (const one of wanted) await this.#answer([one], again);
      else if (replaced && !again) await this.#answer(wanted, true);
      else wanted[0]!.reject(error);
      return;
    }
    for (const [i, { resolve, reject }] of wanted.entries()) {
      const answer = rows[i]!;
      if (answer instanceof Refusal) reject(answer);
      else resolve(answer);
    }
  }

  /** Answers for questions that differ in their images only. */
  async #rowsOf(questions: readonly Question[]): Promise<(ClassifiedRow[] | Refusal)[]> {
    const { model, faces, gradCam } = questions[0]!;
    const { device, predictors } = await this.#place(model);
    // Before all else: networks of one device may have been tuned each for itself.
    device.tuning = model.trained.tuning;
    let predictor = predictors.get(model);
    if (!predictor) {
      predictor = Predictor.place(device, model.trained, { ...model.overrides, batchSize: MOST_TOGETHER });
      predictors.set(model, predictor);
    }
    const asked = predictor.asked({
      ...(faces ? { faces: { detector: await this.#faceDetector() } } : {}),
      ...(gradCam ? { explain: { method: 'grad-cam' } } : {}),
    });
    const answers: (ClassifiedRow[] | Refusal)[] = questions.map(() => []);
    // Named by their places, since several may have one name.
    const images = questions.map(({ bytes }, i) => ({ file: String(i), read: () => Promise.resolve(bytes) }));
    try {
      for await (const result of asked.predict(images)) {
        const i = Number(result.file);
        if ('error' in result) answers[i] = new Refusal(422, result.error);
        else (answers[i] as ClassifiedRow[]).push(await rowOf(result, questions[i]!.file));
      }
    } catch (error) {
      // Such as maps of a network that has no layer with a height and a width.
      if (error instanceof UserError) return questions.map(() => new Refusal(422, error.message));
      throw error;
    }
    return answers;
  }

  #precisionOf({ trained }: ServedModel): Precision {
    return this.options.precision ?? trained.precision ?? 'f32';
  }

  #place(model: ServedModel): Promise<Place> {
    const precision = this.#precisionOf(model);
    let place = this.#places.get(precision);
    if (!place) {
      place = this.#open(precision);
      this.#places.set(precision, place);
      // So that the next question tries again.
      place.catch(() => this.#places.delete(precision));
    }
    return place;
  }

  async #open(precision: Precision): Promise<Place> {
    const { adapter, backend, onNote, openDevice = openNodeDevice } = this.options;
    const device = await openDevice({ adapter, backend, precision }).catch((error: unknown) => {
      // What is wrong with the machine is not the fault of who asks.
      throw new Error((error as Error).message, { cause: error });
    });
    this.#adapter = adapterName(device);
    const problem = precision === 'amp' ? ampProblem(device) : undefined;
    if (problem !== undefined) onNote?.(problem);
    return { device, predictors: new Map() };
  }

  /** Gives a device up that computes no more, so that the next question opens another; whether it did. */
  async #replaceFailed(model: ServedModel): Promise<boolean> {
    const precision = this.#precisionOf(model);
    const place = await this.#places.get(precision)?.catch(() => undefined);
    if (!place) return false;
    try {
      await place.device.settle();
      return false;
    } catch (error) {
      this.options.onNote?.(`the GPU device is replaced: ${(error as Error).message}`);
      this.#places.delete(precision);
      place.device.destroy();
      return true;
    }
  }

  #faceDetector(): Promise<FaceDetector> {
    this.#detector ??= loadFaceDetector();
    this.#detector.catch(() => (this.#detector = undefined));
    return this.#detector;
  }

  async #trim(): Promise<void> {
    for (const opened of this.#places.values()) {
      const place = await opened.catch(() => undefined);
      if (!place || this.#working) return;
      place.device.pool.trim();
      // A fault is found by the next question.
      await place.device.settle().catch(() => undefined);
    }
  }
}

/** A result as `predict --json` prints it, but with its picture, where it has one, instead of a file's name. */
async function rowOf(result: Prediction, file: string): Promise<ClassifiedRow> {
  const { overlay } = result;
  const gradCam = overlay && `data:image/png;base64,${(await pngOf(overlay)).toString('base64')}`;
  return jsonOf({ ...result, file, gradCam }) as ClassifiedRow;
}

function pngOf({ height, width, pixels }: NonNullable<Prediction['overlay']>): Promise<Buffer> {
  return sharp(pixels, { raw: { height, width, channels: 3 } })
    .png()
    .toBuffer();
}
