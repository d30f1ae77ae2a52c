import type { Box } from '../../src/faces/box.js';

/** A face that is followed from frame to frame. */
export interface Track {
  /** Counted from 1. */
  readonly id: number;
  /** In pixels of the frame, smoothed. */
  readonly box: Box;
  /** Of the classes, smoothed; undefined until the face was classified. */
  readonly probabilities: readonly number[] | undefined;
}

interface Followed extends Track {
  box: Box;
  probabilities: number[] | undefined;
  /** When the detector saw it last, and when it was classified last, in milliseconds. */
  seenAt: number;
  classifiedAt: number;
}

/** Boxes that overlap less are of two faces. */
const LEAST_OVERLAP = 0.25;
/** A face that the detector has not seen for so long is gone; it misses single frames of faces that are there. */
const PATIENCE_MS = 700;
/** The share of a box that is found in the one that is shown: detectors' boxes tremble. */
const BOX_SHARE = 0.75;

/** The intersection of two boxes over their union, 0 to 1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / (a.width * a.height + b.width * b.height - both);
}

/**
 * Faces of a video: boxes of a detector that runs now and then become faces that stay themselves, and the answers of a network
 * for each are smoothed over time.
 */
export class Tracks {
  #followed: Followed[] = [];
  #nextId = 1;

  /**
   * @param smoothing after so many seconds an old answer counts for 1/e; 0: only the last one counts
   * @param most faces that are followed; the largest are
   */
  constructor(
    public smoothing: number,
    private readonly most: number,
  ) {}

  /** The faces that are there, the largest first. */
  get current(): readonly Track[] {
    return this.#followed;
  }

  /** Takes up what the detector found in the frame of time `at`, in milliseconds. */
  detected(boxes: readonly Box[], at: number): void {
    const free = new Set(this.#followed);
    const pairs = boxes
      .flatMap(box => this.#followed.map(track => ({ box, track, shared: overlap(box, track.box) })))
      .filter(({ shared }) => shared >= LEAST_OVERLAP)
      .sort((a, b) => b.shared - a.shared);
    const taken = new Set<Box>();
    for (const { box, track } of pairs) {
      if (taken.has(box) || !free.delete(track)) continue;
      taken.add(box);
      track.box = between(track.box, box, BOX_SHARE);
      track.seenAt = at;
    }
    const fresh = boxes
      .filter(box => !taken.has(box))
      .map((box): Followed => {
        return { id: 0, box, probabilities: undefined, seenAt: at, classifiedAt: -Infinity };
      });
    const area = ({ box }: Track) => box.width * box.height;
    this.#followed = [...this.#followed.filter(({ seenAt }) => at - seenAt < PATIENCE_MS), ...fresh]
      .sort((a, b) => area(b) - area(a))
      .slice(0, this.most)
      // Numbered only now, so that faces beyond the most that are followed take no number.
      .map(track => (track.id > 0 ? track : { ...track, id: this.#nextId++ }));
  }

  /** Takes up the network's answer for a face in the frame of time `at`; one that is gone is passed over. */
  classified(id: number, probabilities: ArrayLike<number>, at: number): void {
    const track = this.#followed.find(one => one.id === id);
    if (!track) return;
    const { probabilities: before, classifiedAt } = track;
    track.classifiedAt = at;
    if (before?.length !== probabilities.length) {
      track.probabilities = Array.from(probabilities);
      return;
    }
    const share = this.smoothing > 0 ? 1 - Math.exp(-(at - classifiedAt) / (1000 * this.smoothing)) : 1;
    track.probabilities = before.map((value, k) => value + share * (probabilities[k]! - value));
  }

  /** The face that a box is of. */
  at(box: Box): Track | undefined {
    return this.#followed
      .map(track => ({ track, shared: overlap(track.box, box) }))
      .filter(({ shared }) => shared >= LEAST_OVERLAP)
      .sort((a, b) => b.shared - a.shared)[0]?.track;
  }

  /** Forgets all faces; numbers go on. */
  clear(): void {
    this.#followed = [];
  }

  /** Forgets what was answered: another network answers now. */
  forgetAnswers(): void {
    for (const track of this.#followed) track.probabilities = undefined;
  }
}

/** `share` of the way from one box to another. */
function between(from: Box, to: Box, share: number): Box {
  const mix = (a: number, b: number) => Math.round(a + share * (b - a));
  return {
    x: mix(from.x, to.x),
    y: mix(from.y, to.y),
    width: mix(from.width, to.width),
    height: mix(from.height, to.height),
  };
}
