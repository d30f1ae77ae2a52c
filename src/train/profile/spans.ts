import type { Span } from '../../gpu/profiler.js';

/** The stretches that `spans`, in order of their beginnings, cover together. */
function merged(spans: readonly Span[]): Span[] {
  const covered: { begin: number; end: number }[] = [];
  for (const { begin, end } of spans) {
    const last = covered.at(-1);
    if (last && begin <= last.end) last.end = Math.max(last.end, end);
    else covered.push({ begin, end });
  }
  return covered;
}

/** Time that is covered by at least one of `spans`, which are in order of their beginnings. */
export function length(spans: readonly Span[]): number {
  return merged(spans).reduce((sum, { begin, end }) => sum + (end - begin), 0);
}

/** The stretches between the first and the last of `spans` that none of them covers. */
export function idle(spans: readonly Span[]): Span[] {
  const covered = merged(spans);
  return covered.slice(1).map(({ begin }, i) => ({ begin: covered[i]!.end, end: begin }));
}

/**
 * Spreads `spans`, in order of their beginnings, over as few tracks as it takes for those of one track to follow each other
 * or lie inside each other.
 */
export function tracks<S extends Span>(spans: readonly S[]): S[][] {
  const made: { spans: S[]; open: Span[] }[] = [];
  for (const span of spans) {
    const fits = made.find(track => {
      while (track.open.length > 0 && track.open.at(-1)!.end <= span.begin) track.open.pop();
      const around = track.open.at(-1);
      return !around || span.end <= around.end;
    });
    const track = fits ?? { spans: [], open: [] };
    if (!fits) made.push(track);
    track.spans.push(span);
    track.open.push(span);
  }
  return made.map(track => track.spans);
}
