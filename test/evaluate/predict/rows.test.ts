import { expect, it } from 'vitest';
import { rowFormat, type Result, type RowFormatName } from '../../../src/evaluate/predict/rows.js';

const classes = ['happy', 'a "calm", one', 'sad', 'odd'];
const emotions = Object.fromEntries(classes.map((name, k) => [name, [0.1, 0.6 + 1e-9, 0.25, 0.05][k]!]));
const top = classes[1]!;
const results: Result[] = [
  { file: 'a,b.png', face: true, box: { x: 1, y: 2, width: 30, height: 31 }, emotions, top },
  { file: 'c.png', error: 'not an image file' },
  { file: 'd.png', face: false, box: null, emotions, top, gradCam: 'heat/1.png' },
  { file: 'e.png', box: null, emotions, top },
];

function written(name: RowFormatName, rows: readonly Result[] = results): string {
  const format = rowFormat(name, classes);
  return format.start + rows.map((row, i) => format.row(row, i === 0)).join('') + format.end;
}

it('writes one JSON value, however many rows there are', () => {
  const rounded = { ...emotions, [top]: 0.6 };
  expect(JSON.parse(written('json'))).toEqual([
    { ...results[0], emotions: rounded },
    results[1],
    { ...results[2], emotions: rounded },
    { file: 'e.png', box: null, emotions: rounded, top },
  ]);
  expect(JSON.parse(written('json', []))).toEqual([]);
  expect(Object.keys((JSON.parse(written('json')) as object[])[3]!)).toEqual(['file', 'box', 'emotions', 'top']);
});

it('writes CSV with a column for each class', () => {
  expect(written('csv')).toBe(
    [
      'file,face,x,y,width,height,top,happy,"a ""calm"", one",sad,odd,error',
      '"a,b.png",true,1,2,30,31,"a ""calm"", one",0.1,0.6,0.25,0.05,',
      'c.png,,,,,,,,,,,not an image file',
      'd.png,false,,,,,"a ""calm"", one",0.1,0.6,0.25,0.05,',
      'e.png,,,,,,"a ""calm"", one",0.1,0.6,0.25,0.05,',
      '',
    ].join('\n'),
  );
});

it('writes the most probable classes as text', () => {
  const said = 'a "calm", one 60.0 %, sad 25.0 %, happy 10.0 %';
  expect(written('text')).toBe(
    `a,b.png (face at 1,2, 30x31): ${said}\nd.png (no face found): ${said}\ne.png: ${said}\n`,
  );
});
