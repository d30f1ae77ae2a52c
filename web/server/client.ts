import {
  API_PATHS,
  MOST_BODY_BYTES,
  type Classification,
  type ModelInfo,
  type ModelList,
} from '../../src/serve/api.js';
import { ask, ServerError } from './answer.js';

/** How often a request that the server has no place for is sent again. */
const TRIES = 5;

export interface ClassifyOptions {
  readonly faces: boolean;
  readonly gradCam?: boolean;
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/** What the page asks the server for. */
export class ServerClient {
  constructor(readonly token: string | undefined) {}

  /** @throws {ServerError} */
  async models(): Promise<readonly ModelInfo[]> {
    const list = (await (await ask(API_PATHS.models, this.token)).json()) as ModelList;
    return list.models;
  }

  /**
   * Has the server classify an image file's bytes. Where it is busy it is asked again, as late as it says.
   * @throws {ServerError}
   */
  async classify(
    image: Blob,
    model: ModelInfo,
    { faces, gradCam = false, name, signal }: ClassifyOptions,
  ): Promise<Classification> {
    if (image.size > MOST_BODY_BYTES) {
      throw new ServerError(`The file has more than the ${MOST_BODY_BYTES / 2 ** 20} MiB that the server takes.`, 413);
    }
    const query = new URLSearchParams({
      ...{ model: model.id, faces: String(faces), gradCam: String(gradCam) },
      ...(name === undefined ? {} : { name }),
    });
    const init: RequestInit = {
      method: 'POST',
      body: image,
      headers: { 'content-type': image.type.startsWith('image/') ? image.type : 'application/octet-stream' },
      ...(signal && { signal }),
    };
    for (let attempt = 1; ; attempt++) {
      try {
        const response = await ask(`${API_PATHS.classify}?${query.toString()}`, this.token, init);
        return (await response.json()) as Classification;
      } catch (error) {
        if (!(error instanceof ServerError && error.status === 429) || attempt === TRIES) throw error;
        await new Promise(resolve => setTimeout(resolve, 500 * attempt));
      }
    }
  }
}
