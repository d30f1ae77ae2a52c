export { drawChart } from './chart.js';
export { byteHistogram, pie, stackedBars, type Share } from './charts.js';
export { pngFile, svgFile } from './figure-files.js';
export { drawImageGrid, type ImageGrid } from './image-grid.js';
export { learningRateCurve } from './lr-curve.js';
export { htmlPage, type Section } from './page.js';
