import type { Config } from 'vega-lite';

/**
 * The font of all figures. PNG files are drawn with DejaVu Sans, which the package brings along, so that they look the
 * same on a machine without fonts; SVG files take the next that is there.
 */
export const FONT = 'DejaVu Sans, Verdana, sans-serif';

/** A legend below a chart leaves the chart its width, on a phone too. */
export const LEGEND_BELOW = { orient: 'bottom', columns: 3, labelLimit: 0, titleOrient: 'left' } as const;

const INK = 'currentColor';

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
    labelFontSize: 11,
    titleFontSize: 11,
    titleFontWeight: 'normal',
  },
  legend: { labelColor: INK, titleColor: INK, labelFontSize: 11, titleFontSize: 11, titleFontWeight: 'normal' },
  text: { color: INK, fill: INK },
  view: { stroke: null },
};
