import { pngFile, svgFile } from '../../plots/index.js';

/** A figure of a report: part of the page, and files of its own beside it. */
export interface Figure {
  /** Name of its files, without extension. */
  readonly name: string;
  readonly svg: string;
}

/** The files of figures, by their names. */
export function figureFiles(figures: readonly Figure[]): Map<string, string | Uint8Array> {
  return new Map(
    figures.flatMap(({ name, svg }): [string, string | Uint8Array][] => [
      [`${name}.svg`, svgFile(svg)],
      [`${name}.png`, pngFile(svg)],
    ]),
  );
}
