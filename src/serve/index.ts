/** The page and the API, for networks on this machine's own adapter. */
export type * from './api.js';
export { ClassifyQueue, type QueueOptions, type Question } from './queue.js';
export { prepareModels, type ModelOverrides, type ServedModel } from './models.js';
export { Refusal } from './refusal.js';
export { serve, type ServeOptions, type Serving } from './server.js';
