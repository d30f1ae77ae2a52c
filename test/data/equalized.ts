/**
 * Histogram equalisation from ranks, with no histogram: a value becomes ⌊(values below it + ⌊step/2⌋) / step⌋, at most 255,
 * where step = ⌊(values below the largest) / 255⌋. Each channel of (H,W,C) is ranked by itself.
 */
export function equalizedByRank(image: readonly number[], channels: number): number[] {
  const planes = Array.from({ length: channels }, (_, c) => image.filter((_, i) => i % channels === c));
  const equalized = planes.map(plane => {
    const sorted = [...plane].sort((a, b) => a - b);
    const step = Math.floor(sorted.indexOf(sorted.at(-1)!) / 255);
    const half = Math.floor(step / 2);
    return plane.map(value => (step === 0 ? value : Math.min(255, Math.floor((sorted.indexOf(value) + half) / step))));
  });
  return image.map((_, i) => equalized[i % channels]![Math.floor(i / channels)]!);
}
