import { parse, View, Warn } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import { withoutControls } from './markup.js';
import { THEME } from './theme.js';

/** Draws a Vega-Lite chart as an SVG element, in the colours of THEME unless the chart says otherwise. */
export async function drawChart(spec: TopLevelSpec): Promise<string> {
  const view = new View(parse(compile(spec, { config: THEME }).spec), { renderer: 'none', logLevel: Warn });
  try {
    return withoutControls(await view.toSVG());
  } finally {
    view.finalize();
  }
}
