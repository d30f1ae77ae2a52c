import { drawImageGrid, type ImageRow } from '../../plots/index.js';

/** Images side by side, few enough for a phone. */
export const COLUMNS = 4;
/** About the size in which an image is shown, in CSS pixels. */
const SHOWN = 96;

/** An image with what stands under it, line by line. */
export interface Shown {
  /** (H,W,C) bytes. */
  readonly picture: Uint8Array;
  readonly caption?: readonly string[];
}

/** Images of one form under a label, as many lines as they need, the label above the first. */
export function gallery(
  title: string,
  form: { readonly height: number; readonly width: number; readonly channels: number },
  groups: readonly { readonly label: string; readonly shown: readonly Shown[] }[],
): string {
  const { height, width, channels } = form;
  const longest = Math.max(height, width);
  return drawImageGrid({
    // Beside the images there is no room for them on a phone.
    labels: 'above',
    // Small ones are magnified by a whole number, so that their pixels stay alike.
    ...{ title, height, width, channels, scale: longest > SHOWN ? SHOWN / longest : Math.round(SHOWN / longest) },
    rows: groups.flatMap(({ label, shown }) =>
      Array.from({ length: Math.ceil(shown.length / COLUMNS) }, (_, line): ImageRow => {
        const own = shown.slice(line * COLUMNS, (line + 1) * COLUMNS);
        return {
          label: line === 0 ? label : '',
          images: own.map(({ picture }) => picture),
          captions: own.map(({ caption = [] }) => caption),
        };
      }),
    ),
  });
}
