/**
 * TensorBoard's event files: TFRecords (record.ts), each a protobuf message `Event` (schema.ts), the first of which names
 * the version. Bytes in, bytes out: no file access.
 */
import protobuf from 'protobufjs';
import { UserError } from '../../util/errors.js';
import type { Histogram } from './histogram.js';
import { decodeRecords, encodeRecord } from './record.js';
import { SCHEMA } from './schema.js';

/** What a file begins with; readers take the version to know whether a session's start discards what came before. */
const FILE_VERSION = 'brain.Event:2';

/** TensorFlow's number for strings. */
const DT_STRING = 7;

/** A PNG file in memory. `channels`: 1 grey, 2 grey with alpha, 3 RGB, 4 RGBA. */
export interface EventImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly png: Uint8Array;
}

/** What is shown under a tag; scalars are stored in single precision, texts are Markdown. */
export type SummaryValue = { readonly tag: string } & (
  | { readonly scalar: number }
  | { readonly histogram: Histogram }
  | { readonly image: EventImage }
  | { readonly text: string }
);

/** One record of an event file: its version, the start of a sitting, or values of a step. */
export type SummaryEvent = {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
} & (
  | { readonly fileVersion: string }
  /** A sitting begins here: readers forget what earlier ones wrote for this step and all after it. */
  | { readonly sessionStart: true }
  | { readonly values: readonly SummaryValue[] }
);

/** What protobufjs makes of the messages of the schema; fields that a message lacks are absent. */
interface EventMessage {
  wallTime?: number;
  step?: number;
  fileVersion?: string;
  sessionLog?: { status?: string };
  summary?: { value?: ValueMessage[] };
}

interface ValueMessage {
  tag?: string;
  metadata?: { pluginData?: { pluginName?: string } };
  simpleValue?: number;
  image?: { height?: number; width?: number; colorspace?: number; encodedImageString?: Uint8Array };
  histo?: Partial<Record<keyof Histogram, number | number[]>>;
  tensor?: { dtype?: number; tensorShape?: { dim?: { size?: number }[] }; stringVal?: Uint8Array[] };
}

const eventType = protobuf.parse(SCHEMA).root.lookupType('tensorflow.Event');

/** The event that a file begins with. */
export function fileVersionEvent(wallTime: number): SummaryEvent {
  return { wallTime, step: 0, fileVersion: FILE_VERSION };
}

/** One event as a record, to be appended to a file. */
export function encodeEvent(event: SummaryEvent): Uint8Array<ArrayBuffer> {
  const { wallTime, step } = event;
  return encodeRecord(eventType.encode(eventType.fromObject({ wallTime, step, ...contentOf(event) })).finish());
}

/**
 * The events of a file. A part of a record at its end is left out: the process that wrote it was killed, or is writing.
 * What this module does not write, such as a graph, gives an event without values.
 * @throws UserError where a checksum is wrong, a message is none, or the file does not begin as an event file does
 */
export function decodeEvents(bytes: Uint8Array): SummaryEvent[] {
  const events = decodeRecords(bytes).records.map(decodeEvent);
  const first = events[0];
  if (first && !('fileVersion' in first))
    throw new UserError('this is no event file: it does not begin with a version');
  return events;
}

function decodeEvent(data: Uint8Array, index: number): SummaryEvent {
  let message: EventMessage;
  try {
    message = eventType.toObject(eventType.decode(data), { longs: Number, enums: String });
  } catch (error) {
    throw new UserError(`record ${index + 1} holds no event: ${(error as Error).message}`);
  }
  const { wallTime = 0, step = 0, fileVersion, sessionLog, summary } = message;
  if (fileVersion !== undefined) return { wallTime, step, fileVersion };
  if (sessionLog?.status === 'START') return { wallTime, step, sessionStart: true };
  return { wallTime, step, values: (summary?.value ?? []).flatMap(valueOf) };
}

function contentOf(event: SummaryEvent): EventMessage {
  if ('fileVersion' in event) return { fileVersion: event.fileVersion };
  if ('sessionStart' in event) return { sessionLog: { status: 'START' } };
  return { summary: { value: event.values.map(messageOf) } };
}

function messageOf(value: SummaryValue): ValueMessage {
  const { tag } = value;
  if ('scalar' in value) return { tag, simpleValue: value.scalar };
  if ('histogram' in value) {
    const { bucket, bucketLimit, ...rest } = value.histogram;
    return { tag, histo: { ...rest, bucket: [...bucket], bucketLimit: [...bucketLimit] } };
  }
  if ('image' in value) {
    const { width, height, channels, png } = value.image;
    return { tag, image: { width, height, colorspace: channels, encodedImageString: png } };
  }
  const stringVal = [new TextEncoder().encode(value.text)];
  return {
    tag,
    metadata: { pluginData: { pluginName: 'text' } },
    tensor: { dtype: DT_STRING, tensorShape: { dim: [{ size: 1 }] }, stringVal },
  };
}

function valueOf({ tag = '', metadata, simpleValue, image, histo, tensor }: ValueMessage): SummaryValue[] {
  if (simpleValue !== undefined) return [{ tag, scalar: simpleValue }];
  if (image) {
    const { width = 0, height = 0, colorspace: channels = 0, encodedImageString: png = new Uint8Array() } = image;
    return [{ tag, image: { width, height, channels, png } }];
  }
  if (histo) {
    const none = { min: 0, max: 0, num: 0, sum: 0, sumSquares: 0, bucketLimit: [], bucket: [] };
    return [{ tag, histogram: { ...none, ...histo } as Histogram }];
  }
  if (tensor && metadata?.pluginData?.pluginName === 'text') {
    return [{ tag, text: new TextDecoder().decode(tensor.stringVal?.[0]) }];
  }
  return [];
}
