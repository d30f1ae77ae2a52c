import type { Config } from 'vega-lite';

type LegendConfig = NonNullable<Config['legend']>;

/**
 * The font of all figures. PNG files are drawn with DejaVu Sans, which the package brings along, so that they look the
 * same on a machine without fonts; SVG files take the next that is there.
 */
export const FONT = 'DejaVu Sans, Verdana, sans-serif';

/** About the width of a letter of 11 pixels, and of a legend's symbol with the gap after its name. */
const LETTER = 6.2;
const SYMBOL = 34;

/** A legend below a chart `width` wide leaves the chart that width, on a phone too: as many columns as the names let in. */
export function legendBelow(names: readonly string[], width: number) {
  const longest = names.reduce((most, name) => Math.max(most, name.length), 0);
  const columns = Math.min(4, Math.max(1, Math.floor(width / (longest * LETTER + SYMBOL))));
  return { orient: 'bottom', columns, labelLimit: 0, titleOrient: 'top' } as const;
}

const INK = 'currentColor';

const LEGEND = {
  ...{ labelColor: INK, titleColor: INK, labelFontSize: 11, titleFontSize: 11, titleFontWeight: 'normal' },
  // Legends stand one below the other. Vega's; Vega-Lite hands it on without naming it among its types.
  layout: { bottom: { anchor: 'start', direction: 'vertical', margin: 6 } },
} as const;

/**
 * Everything but the data is drawn in the colour of the text around it, on no background: one figure serves a light
 * page, a dark one and paper. Vega's own colours for data stand out on both.
 */
export const THEME: Config = {
  background: 'transparent',
  font: FONT,
  title: { color: INK, fontSize: 14, fontWeight: 'bold', anchor: 'start', offset: 12 },
  axis: {
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: INK,
    gridOpacity: 0.15,
    domainOpacity: 0.5,
    tickOpacity: 0.5,
    // Names of classes are shown whole, and the numbers at an axis' ends stand at their ticks.
    labelLimit: 0,
    labelFlush: false,
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
  },
  legend: LEGEND as LegendConfig,
  text: { color: INK, fill: INK },
  view: { stroke: null },
};
