import { Readable } from 'node:stream';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openInputs } from '../../../src/evaluate/predict/inputs.js';
import { greys, tarOf, writeFiles, zipOf } from '../../data/files.js';
import { useTemporaryFolder } from '../../data/fixtures.js';

const folder = useTemporaryFolder();
const at = (name: string) => join(folder.path(), name);

/** What inputs hold, in order: names below the test's folder, and contents or faults. */
async function listed(given: readonly string[], stdin?: NodeJS.ReadableStream) {
  const inputs = await openInputs(given, stdin ? { stdin } : {});
  const found: [string, Buffer | string][] = [];
  for await (const { file, read } of inputs.images()) {
    const content = await read().then(
      bytes => Buffer.from(bytes),
      (error: unknown) => (error as Error).message,
    );
    found.push([file.replace(`${folder.path()}/`, ''), content]);
  }
  expect(found).toHaveLength(inputs.count);
  await inputs.close();
  return found;
}

describe('openInputs', () => {
  it('keeps the order of arguments, and of names in folders and zip archives', async () => {
    const files = await greys(['b/2.png', 'a/1.png', 'notes.txt']);
    await writeFiles(at('folder'), files);
    await writeFile(at('all.zip'), zipOf(files));
    await writeFile(at('z.png'), files['a/1.png']!);
    const found = await listed([at('z.png'), at('all.zip'), at('folder'), at('z.png')]);
    expect(found.map(([file]) => file)).toEqual([
      'z.png',
      'all.zip/a/1.png',
      'all.zip/b/2.png',
      'folder/a/1.png',
      'folder/b/2.png',
      'z.png',
    ]);
    expect(found[1]![1]).toEqual(files['a/1.png']);
    expect(found[4]![1]).toEqual(files['b/2.png']);
  });

  it('reads a tar archive as it lies', async () => {
    const files = await greys(['b.png', 'a.png']);
    const archive = await tarOf(files);
    await writeFile(at('all.tar'), archive);
    expect((await listed([at('all.tar')])).map(([file]) => file)).toEqual(['all.tar/b.png', 'all.tar/a.png']);
  });

  it('finds what a pattern matches, by name', async () => {
    await writeFiles(at('in'), await greys(['c.png', 'a.png', 'b.jpg', 'deep/d.png']));
    expect((await listed([at('in/*.png')])).map(([file]) => file)).toEqual(['in/a.png', 'in/c.png']);
    expect((await listed([at('in/**/*.png')])).map(([file]) => file)).toEqual([
      'in/a.png',
      'in/c.png',
      'in/deep/d.png',
    ]);
    await expect(openInputs([at('in/*.gif')])).rejects.toThrow('no file matches this pattern');
  });

  it('takes a file whose name looks like a pattern for what it is', async () => {
    const { 'a.png': image } = await greys(['a.png']);
    await writeFile(at('photo [1].png'), image!);
    expect(await listed([at('photo [1].png')])).toEqual([['photo [1].png', image]]);
  });

  it('reads one image from standard input', async () => {
    const { 'a.png': image } = await greys(['a.png']);
    expect(await listed(['-'], Readable.from([image]))).toEqual([['-', image]]);
  });

  it('refuses paths that lead nowhere, before anything is done', async () => {
    await writeFiles(at('pets'), await greys(['a.png']));
    await mkdir(at('bare'));
    await expect(openInputs([at('pets'), at('gone.png')])).rejects.toThrow('gone.png: no such file or folder');
    await expect(openInputs([at('bare')])).rejects.toThrow('there are no images in it');
  });

  it('counts a damaged archive and an empty file as one image that cannot be read', async () => {
    const archive = zipOf(await greys(['a.png']));
    await writeFile(at('half.zip'), archive.subarray(0, archive.length / 2));
    await writeFile(at('empty.png'), '');
    const found = await listed([at('half.zip'), at('empty.png')]);
    expect(found[0]![1]).toContain('the archive is damaged');
    expect(found[1]![1]).toHaveLength(0);
  });
});
