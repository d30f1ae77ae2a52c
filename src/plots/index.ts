export { groupedBars, type Bar } from './bars.js';
export { drawCaptionedImages, type CaptionedImage } from './captioned-images.js';
export { drawChart } from './chart.js';
export { byteHistogram, pie, stackedBars, type Share } from './charts.js';
export { confusionMatrixChart } from './confusion.js';
export { unitCurves, type UnitCurve } from './curves.js';
export { epochCurves } from './epoch-curves.js';
export { pngFile, pngSize, svgFile } from './figure-files.js';
export { drawImageGrid, type ImageGrid, type ImageRow } from './image-grid.js';
export { learningRateCurve } from './lr-curve.js';
export { htmlPage, type Section } from './page.js';
export { reliabilityDiagram, type Reliability } from './reliability.js';
export { scatter } from './scatter.js';
export {
  importanceBars,
  optimisationHistory,
  parallelCoordinates,
  type Axis,
  type TrialPoint,
} from './study-charts.js';
