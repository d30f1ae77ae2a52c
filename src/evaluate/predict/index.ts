/** Classification of any images, and of the faces in them. */
export { cropOf, squareAround, type Box, type Picture } from '../../faces/box.js';
export { FaceDetector, type DetectOptions } from '../../faces/detector.js';
export { loadFaceDetector } from '../../faces/node.js';
export { openInputs, type InputImage, type Inputs } from './inputs.js';
export { Predictor, type Prediction, type PredictOptions, type Unread } from './predict.js';
export type { FaceOptions } from './subjects.js';
