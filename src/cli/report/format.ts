/** Numbers as people read them. */

/** `28,709` */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** `1.5823`; fewer decimals where it is large. */
export function loss(value: number): string {
  return Math.abs(value) < 100 ? value.toFixed(4) : value.toPrecision(5);
}

/** A fraction as `56.12 %`. */
export function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

/** Images a second: `312`, `8.4`. */
export function rate(value: number): string {
  return value < 10 ? value.toFixed(1) : whole(value);
}

/** A learning rate: `0.001`, `1.23e-5`. */
export function learningRate(value: number): string {
  return value >= 1e-4 ? String(Number(value.toPrecision(3))) : value.toExponential(2).replace(/\.?0+e/, 'e');
}

/** `0:42`, `12:07`, `1:02:03`. */
export function duration(seconds: number): string {
  const total = Math.max(0, Math.round(seconds));
  const two = (n: number) => String(n).padStart(2, '0');
  const minutes = Math.floor(total / 60);
  if (minutes < 60) return `${minutes}:${two(total % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(total % 60)}`;
}

/** A length of bytes: `128 MiB`. */
export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Number(value.toFixed(1))} ${units[unit]!}`;
}

/** Rows of cells in columns two spaces apart. `align` has an l or r for each column; its last one serves the rest. */
export function columns(rows: readonly (readonly string[])[], align: string): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, cell.length)));
  const flushLeft = (i: number) => align[Math.min(i, align.length - 1)] === 'l';
  return rows.map(row =>
    row
      .map((cell, i) => (flushLeft(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd(),
  );
}

/** Breaks a paragraph into lines of at most `width`; words longer than that stay whole. */
export function wrap(text: string, width = 80): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines;
}
