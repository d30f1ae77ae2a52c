import { useEffect, useRef } from 'preact/hooks';
import { coloursOf } from '../parts/colours.js';
import type { TimeRecord } from './record.js';

/** Milliseconds that are shown. */
const SPAN = 60_000;
/** A gap between samples that is shown as one. */
const GAP = 1500;
/** Pixels below the chart, for its times. */
const AXIS = 18;
/** Milliseconds between two drawings where somebody wants little motion. */
const CALM = 1000;

export interface TimelineProps {
  readonly record: TimeRecord;
  readonly classes: readonly string[];
  readonly face: number | undefined;
  /** Changes when there is something new to draw. */
  readonly tick: number;
  readonly label: string;
}

/** The probabilities of a face's expressions over the last minute, stacked, in the colours of the bars. */
export function Timeline({ record, classes, face, tick, label }: TimelineProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawnAt = useRef(-Infinity);
  useEffect(() => {
    const { current } = canvas;
    if (!current) return;
    const now = performance.now();
    if (matchMedia('(prefers-reduced-motion: reduce)').matches && now - drawnAt.current < CALM) return;
    drawnAt.current = now;
    draw(current, record, classes, face);
  }, [record, classes, face, tick]);
  return <canvas ref={canvas} class="timeline" role="img" aria-label={label} />;
}

function draw(
  canvas: HTMLCanvasElement,
  record: TimeRecord,
  classes: readonly string[],
  face: number | undefined,
): void {
  const scale = window.devicePixelRatio;
  const { clientWidth: width, clientHeight: full } = canvas;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(full * scale)) canvas.height = Math.round(full * scale);
  const context = canvas.getContext('2d')!;
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, full);
  const height = full - AXIS;
  const end = Date.now();
  const x = (time: number) => width - ((end - time) / SPAN) * width;
  const samples = face === undefined ? [] : record.since(end - SPAN, face, classes);
  const colours = coloursOf(classes);
  // Each stretch without a gap is a stack of areas of its own.
  let start = 0;
  for (let i = 1; i <= samples.length; i++) {
    if (i < samples.length && samples[i]!.time - samples[i - 1]!.time < GAP) continue;
    const stretch = samples.slice(start, i);
    start = i;
    let below = stretch.map(() => 0);
    classes.forEach((_, k) => {
      const above = below.map((sum, n) => sum + stretch[n]!.probabilities[k]!);
      context.fillStyle = colours[k]!;
      context.beginPath();
      stretch.forEach(({ time }, n) => {
        context.lineTo(x(time), height * (1 - above[n]!));
      });
      for (let n = stretch.length - 1; n >= 0; n--) context.lineTo(x(stretch[n]!.time), height * (1 - below[n]!));
      context.fill();
      below = above;
    });
  }
  const style = getComputedStyle(canvas);
  context.strokeStyle = style.borderColor;
  context.fillStyle = style.color;
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'bottom';
  for (let seconds = 0; seconds <= SPAN / 1000; seconds += 15) {
    const at = Math.round(x(end - 1000 * seconds)) + (seconds === 0 ? -0.5 : 0.5);
    context.beginPath();
    context.moveTo(at, 0);
    context.lineTo(at, height + 3);
    context.stroke();
    context.textAlign = seconds === 0 ? 'right' : seconds === SPAN / 1000 ? 'left' : 'center';
    context.fillText(seconds === 0 ? 'now' : `−${seconds} s`, at, full);
  }
}
