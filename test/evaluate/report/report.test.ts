import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { writeReport } from '../../../src/evaluate/report/report.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facegrad-report-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const figure = (name: string) => ({
  name,
  svg: '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"><path d="M0 0H4"/></svg>',
});
const write = (html: string, ...names: string[]) => writeReport(folder, { html, figures: names.map(figure) }, []);
const figures = async () => (await readdir(join(folder, 'figures'))).sort();

it('takes away what an earlier report in the folder drew and this one does not, and nothing else', async () => {
  await write('first', 'roc', 'maps-wrong');
  await writeFile(join(folder, 'figures', 'mine.png'), 'mine');
  await writeFile(join(folder, 'maps-wrong.svg'), 'mine too');
  await write('second', 'roc', 'embedding');
  expect(await figures()).toEqual(['embedding.png', 'embedding.svg', 'mine.png', 'roc.png', 'roc.svg']);
  expect(await readFile(join(folder, 'maps-wrong.svg'), 'utf8')).toBe('mine too');
  expect(await readFile(join(folder, 'report.html'), 'utf8')).toBe('second');
});

it.each([
  ['is not JSON', '{'],
  ['is of something else', '[{"figures": ["mine"]}]'],
  ['names files outside of its folder', '{"figures": ["../mine", "mine"]}'],
])('leaves everything where a report.json %s', async (_what, text) => {
  await write('first', 'mine');
  await writeFile(join(folder, 'mine.svg'), 'mine');
  await writeFile(join(folder, 'report.json'), text);
  await write('second', 'roc');
  expect(await figures()).toEqual(['mine.png', 'mine.svg', 'roc.png', 'roc.svg']);
  expect(await readFile(join(folder, 'mine.svg'), 'utf8')).toBe('mine');
});

it('tells in report.json which figures there are and which runs are missing', async () => {
  const failed = [{ run: 'runs/b', reason: 'no such run folder' }];
  await writeReport(folder, { html: '', figures: [figure('roc')] }, [], failed);
  expect(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'))).toEqual({
    figures: ['roc'],
    failed,
    runs: [],
  });
});
