import { describe, expect, it } from 'vitest';
import { Rate, Recent } from '../../web/camera/rates.js';
import { TimeRecord } from '../../web/camera/record.js';

const a = { name: 'runs/a', classes: ['happy', 'sad'] };
const b = { name: 'b, large', classes: ['sad', 'neutral'] };
const box = { x: 10, y: 20, width: 30, height: 40 };
const START = Date.UTC(2026, 0, 31, 14, 25, 1);

function sample(after: number, face: number, network: typeof a, probabilities: number[]) {
  return { time: START + after, network, face, box, probabilities };
}

describe('TimeRecord', () => {
  it('is a table with the classes of every network that was asked', () => {
    const record = new TimeRecord();
    record.add([sample(0, 1, a, [0.75, 0.25]), sample(0, 2, a, [0.1234567, 0.8765433])]);
    record.add([sample(1500, 1, b, [0.4, 0.6])]);
    expect(record.csv()).toBe(
      [
        'time,seconds,model,face,x,y,width,height,top,happy,sad,neutral',
        '2026-01-31T14:25:01.000Z,0.000,runs/a,1,10,20,30,40,happy,0.75,0.25,',
        '2026-01-31T14:25:01.000Z,0.000,runs/a,2,10,20,30,40,sad,0.123457,0.876543,',
        '2026-01-31T14:25:02.500Z,1.500,"b, large",1,10,20,30,40,neutral,,0.4,0.6',
        '',
      ].join('\n'),
    );
  });

  it('takes ten moments a second, of each face what it looked like since a time', () => {
    const record = new TimeRecord();
    for (let ms = 0; ms < 2000; ms += 20) record.add([sample(ms, 1, a, [1, 0]), sample(ms, 2, a, [0, 1])]);
    expect(record.length).toBe(40);
    const since = record.since(START + 1000, 2, a.classes);
    expect(since.map(({ time }) => time - START)).toEqual([1000, 1100, 1200, 1300, 1400, 1500, 1600, 1700, 1800, 1900]);
    expect(record.since(START, 1, b.classes)).toEqual([]);
    record.clear();
    expect(record.length).toBe(0);
  });

  it('keeps the last hour', () => {
    const record = new TimeRecord();
    for (let i = 0; i < 45_000; i++) record.add([sample(100 * i, 1, a, [1, 0])]);
    expect(record.length).toBeLessThan(40_000);
    expect(record.since(START + 100 * 44_990, 1, a.classes)).toHaveLength(10);
  });
});

describe('rates', () => {
  it('are those of the last two seconds', () => {
    const rate = new Rate();
    expect(rate.at(0)).toBe(0);
    for (let ms = 0; ms <= 3000; ms += 50) rate.happened(ms);
    expect(rate.at(3000)).toBeCloseTo(20);
    expect(rate.at(6000)).toBe(0);
  });

  it('latency is a median, which one hiccup does not move', () => {
    const recent = new Recent(5);
    expect(recent.median).toBeUndefined();
    for (const value of [40, 42, 900, 41, 43, 44]) recent.add(value);
    expect(recent.median).toBe(43);
  });
});
