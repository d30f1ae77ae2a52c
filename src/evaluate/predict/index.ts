/** Classification of any images, and of the faces in them. */
export { cropOf, squareAround, type Box, type Picture } from '../../faces/box.js';
export { FaceDetector, type DetectOptions } from '../../faces/detector.js';
export { loadFaceDetector } from '../../faces/node.js';
export { openInputs, type InputImage, type Inputs } from './inputs.js';
export { Predictor, type PredictOptions } from './predict.js';
export type { Prediction, Unread } from './prediction.js';
export type { FaceOptions } from './subjects.js';
