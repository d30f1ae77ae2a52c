export {
  decodeEvents,
  encodeEvent,
  fileVersionEvent,
  type EventImage,
  type SummaryEvent,
  type SummaryValue,
} from './event.js';
export { histogramOf, type Histogram } from './histogram.js';
export { decodeRecords, encodeRecord, maskedCrc32c } from './record.js';
