import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeEvents,
  decodeRecords,
  encodeEvent,
  encodeRecord,
  fileVersionEvent,
  histogramOf,
  maskedCrc32c,
  type SummaryEvent,
} from '../../src/interop/tfevents/index.js';
import { UserError } from '../../src/util/errors.js';
import { RandomStream } from '../../src/util/random.js';

const ascii = (text: string) => new TextEncoder().encode(text);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const joined = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe('records', () => {
  it('bear the masked CRC-32C of RFC 3720', () => {
    const mask = (crc: number) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
    // The sums of appendix B.4 and of the usual check string.
    expect(maskedCrc32c(new Uint8Array(32))).toBe(mask(0x8a9136aa));
    expect(maskedCrc32c(new Uint8Array(32).fill(255))).toBe(mask(0x62a8ab43));
    expect(maskedCrc32c(ascii('123456789'))).toBe(mask(0xe3069283));
  });

  it('are laid out as TensorFlow does', () => {
    // The first twelve bytes of every file that TensorFlow 1 began: 24 bytes follow.
    const record = encodeRecord(new Uint8Array(24));
    expect(hex(record.subarray(0, 12))).toBe('1800000000000000a37f4b22');
    expect(record.length).toBe(8 + 4 + 24 + 4);
  });

  it('read back, but for a part of one at the end', () => {
    const contents = [ascii('one'), new Uint8Array(0), new Uint8Array(300).fill(7)];
    const bytes = joined(contents.map(encodeRecord));
    for (let cut = 0; cut <= 16 + 300; cut++) {
      const { records, rest } = decodeRecords(bytes.subarray(0, bytes.length - cut));
      expect(records).toEqual(contents.slice(0, cut === 0 ? 3 : 2));
      expect(rest).toBe(cut === 0 ? 0 : 316 - cut);
    }
  });

  it('tell any changed byte', () => {
    const bytes = joined([ascii('one'), ascii('twenty')].map(encodeRecord));
    for (let i = 0; i < bytes.length; i++) {
      const damaged = bytes.slice();
      damaged[i]! ^= 1 << (i % 8);
      expect(() => decodeRecords(damaged)).toThrow(UserError);
    }
    bytes[8]! ^= 1;
    expect(() => decodeRecords(bytes)).toThrow('the length of record 1 (byte 0) is damaged');
  });
});

describe('events', () => {
  it('are the messages of event.proto, byte by byte', () => {
    const data = (event: SummaryEvent) => hex(decodeRecords(encodeEvent(event)).records[0]!);
    // Field 1 a double, 2 a varint, 3 a string.
    expect(data(fileVersionEvent(1))).toBe(`09000000000000f03f1a0d${hex(ascii('brain.Event:2'))}`);
    // Field 7 a session log of status 1.
    expect(data({ wallTime: 1, step: 300, sessionStart: true })).toBe('09000000000000f03f10ac023a020801');
    // Field 5 a summary, of a value of tag (1) and a float (2).
    expect(data({ wallTime: 1, step: 1, values: [{ tag: 'lr', scalar: 0.5 }] })).toBe(
      '09000000000000f03f10012a0b0a090a026c72150000003f',
    );
  });

  it('read back: scalars in single precision, also 0, images, texts and histograms', () => {
    const png = Uint8Array.of(137, 80, 78, 71);
    const events: SummaryEvent[] = [
      fileVersionEvent(1700000000.25),
      { wallTime: 1700000001, step: 2 ** 40, sessionStart: true },
      {
        ...{ wallTime: 1700000002, step: 5 },
        values: [
          { tag: 'loss/train', scalar: 0.25 },
          { tag: 'zero', scalar: 0 },
          { tag: 'nan', scalar: NaN },
          { tag: 'weights', histogram: histogramOf([1, -2, 3]) },
          { tag: 'confusion', image: { width: 3, height: 2, channels: 4, png } },
          { tag: 'options', text: '| a | ü |' },
        ],
      },
    ];
    const bytes = joined(events.map(encodeEvent));
    const read = decodeEvents(bytes);
    expect(read).toMatchObject(events);
    expect(decodeEvents(bytes.subarray(0, -1))).toHaveLength(2);
  });

  it('refuse what is none', () => {
    expect(() => decodeEvents(encodeRecord(Uint8Array.of(0xff, 0xff)))).toThrow('record 1 holds no event');
    expect(() => decodeEvents(encodeEvent({ wallTime: 1, step: 1, values: [] }))).toThrow(
      'does not begin with a version',
    );
    expect(decodeEvents(new Uint8Array(0))).toEqual([]);
  });
});

describe('whatever bytes come', () => {
  /** What is not a UserError is a fault of the reader. */
  const read = (bytes: Uint8Array) => {
    try {
      decodeEvents(bytes);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
    }
  };

  it('are read or refused, as a file and as the content of a record', () => {
    const version = encodeEvent(fileVersionEvent(1));
    const bytes = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(bytes, content => {
        read(content);
        read(joined([version, encodeRecord(content)]));
      }),
      { numRuns: 10_000 },
    );
  });

  it('are read or refused where events were changed in places, under sums that are right', () => {
    const values = [
      { tag: 'a', histogram: histogramOf([1, 2]) },
      { tag: 'b', text: 'x' },
      { tag: 'c', image: { width: 1, height: 1, channels: 1, png: new Uint8Array(4) } },
    ];
    const [content] = decodeRecords(encodeEvent({ wallTime: 1, step: 1, values })).records;
    const change = fc.tuple(fc.nat(content!.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), changes => {
        const damaged = content!.slice();
        for (const [at, byte] of changes) damaged[at] = byte;
        read(joined([encodeEvent(fileVersionEvent(1)), encodeRecord(damaged)]));
      }),
      { numRuns: 10_000 },
    );
  });
});

describe('histogramOf', () => {
  it('counts each value in the bucket whose limits enclose it', () => {
    const values = [-3, -1e-3, 0, 0, 1e-13, 0.5, 0.5, 2, 1e30];
    const { min, max, num, sum, sumSquares, bucketLimit, bucket } = histogramOf(values);
    expect([min, max, num]).toEqual([-3, 1e30, 9]);
    expect(sum).toBe(values.reduce((total, value) => total + value, 0));
    expect(sumSquares).toBe(values.reduce((total, value) => total + value * value, 0));
    expect(bucket.reduce((total, count) => total + count, 0)).toBe(9);
    bucket.forEach((count, i) => {
      const above = i === 0 ? -Infinity : bucketLimit[i - 1]!;
      expect(values.filter(value => value > above && value <= bucketLimit[i]!)).toHaveLength(count);
    });
    expect(bucket.at(-1)).toBe(5);
  });

  it('tells apart what is not far smaller than the largest, in so many buckets that a file stays small', () => {
    const random = new RandomStream(1, 1);
    const values = Float64Array.from(
      { length: 100_000 },
      () => (random.uniform() - 0.5) * 10 ** (-20 * random.uniform()),
    );
    const { bucketLimit, bucket, max } = histogramOf(values);
    expect(bucketLimit.length).toBeLessThanOrEqual(150);
    expect(bucket.reduce((total, count) => total + count, 0)).toBe(100_000);
    bucketLimit.slice(1).forEach((limit, i) => {
      expect(limit).toBeGreaterThan(bucketLimit[i]!);
      if (limit > 1e-3 * max && bucket[i + 1]! > 0)
        expect(limit / Math.max(bucketLimit[i]!, 1e-3 * max)).toBeLessThan(1.22);
    });
    // Empty ones are one.
    expect(histogramOf([-5, 5]).bucket).toEqual([1, 0, 1]);
  });

  it('takes equal values, and none that is not finite', () => {
    expect(histogramOf([0, 0])).toMatchObject({ min: 0, max: 0, num: 2, bucketLimit: [0], bucket: [2] });
    expect(() => histogramOf([1, NaN])).toThrow('value 1 of a histogram is NaN');
    expect(() => histogramOf([])).toThrow(RangeError);
  });
});
