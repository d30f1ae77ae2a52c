/** A frame that is shown, and when it was taken, in milliseconds of performance.now. */
type OnFrame = (takenAt: number) => void;

/** Tells of each new frame of a video, as it is shown; gives a function that ends it. */
export function watchFrames(video: HTMLVideoElement, onFrame: OnFrame): () => void {
  let ended = false;
  // Not in every browser.
  if ('requestVideoFrameCallback' in video) {
    const next: VideoFrameRequestCallback = (now, { captureTime }) => {
      if (ended) return;
      // Again first: whatever comes of this frame, there is a next one.
      video.requestVideoFrameCallback(next);
      onFrame(captureTime ?? now);
    };
    video.requestVideoFrameCallback(next);
  } else {
    const element = video as HTMLVideoElement;
    let last = -1;
    const look = (now: number) => {
      if (ended) return;
      requestAnimationFrame(look);
      if (element.currentTime === last) return;
      last = element.currentTime;
      onFrame(now);
    };
    requestAnimationFrame(look);
  }
  return () => {
    ended = true;
  };
}

/** Copies of a video's frames that can be read. */
export class FrameReader {
  readonly #whole = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;
  readonly #small = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true })!;

  constructor(private readonly video: HTMLVideoElement) {}

  get width(): number {
    return this.video.videoWidth;
  }

  get height(): number {
    return this.video.videoHeight;
  }

  /** The frame in a copy of at most `side` pixels a side, and how much smaller that is. */
  shrunk(side: number): { readonly image: ImageData; readonly scale: number } {
    const scale = Math.min(1, side / Math.max(this.width, this.height));
    const [width, height] = [Math.round(this.width * scale), Math.round(this.height * scale)];
    return { image: this.#draw(this.#small, width, height).getImageData(0, 0, width, height), scale };
  }

  /** Parts of the frame, in its own pixels. */
  parts(
    boxes: readonly { readonly x: number; readonly y: number; readonly width: number; readonly height: number }[],
  ): ImageData[] {
    const context = this.#draw(this.#whole, this.width, this.height);
    return boxes.map(({ x, y, width, height }) => context.getImageData(x, y, width, height));
  }

  /** The frame as a file. */
  async file(type: 'image/jpeg' | 'image/png'): Promise<Blob> {
    const { canvas } = this.#draw(this.#whole, this.width, this.height);
    return canvas.convertToBlob({ type, quality: 0.92 });
  }

  #draw(context: OffscreenCanvasRenderingContext2D, width: number, height: number): OffscreenCanvasRenderingContext2D {
    const { canvas } = context;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    context.drawImage(this.video, 0, 0, width, height);
    return context;
  }
}
