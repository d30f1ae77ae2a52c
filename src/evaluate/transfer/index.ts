export { neededLabelMap, transferDefaults, transferOptions } from './options.js';
export { TransferFolder } from './folder.js';
export type { Measurement, TransferRecord, TransferScores } from './record.js';
export { scoreTest, type ScoreOptions } from './score.js';
export { signed, transferChanges, transferRows } from './table.js';
export { transfer, type TransferSteps } from './transfer.js';
