import { createRequire } from 'node:module';
import { Resvg } from '@resvg/resvg-js';

/** Pixels of a PNG file for each of the SVG's: sharp on screens of high density and in print. */
const PNG_SCALE = 2;

const { resolve } = createRequire(import.meta.url);
const FONT_FILES = ['DejaVuSans', 'DejaVuSans-Bold'].map(name => resolve(`dejavu-fonts-ttf/ttf/${name}.ttf`));

/** An SVG element as a file of its own: black on white wherever it is opened. */
export function svgFile(svg: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg.replace('<svg ', '<svg style="background:#fff;color:#000" ')}\n`;
}

/** An SVG element as PNG, black on white, with the fonts of the package alone: the same on every machine. */
export function pngFile(svg: string): Uint8Array {
  const font = { loadSystemFonts: false, fontFiles: FONT_FILES, defaultFontFamily: 'DejaVu Sans' };
  const image = new Resvg(svg, { background: '#fff', fitTo: { mode: 'zoom', value: PNG_SCALE }, font });
  return image.render().asPng();
}

/** Width and height in pixels, from the head of a PNG file. */
export function pngSize(png: Uint8Array): { width: number; height: number } {
  const view = new DataView(png.buffer, png.byteOffset);
  // After the signature and the first chunk's length and name (https://www.w3.org/TR/png-3/#11IHDR).
  return { width: view.getUint32(16), height: view.getUint32(20) };
}
