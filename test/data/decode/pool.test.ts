import { mkdir, rm } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type * as pool from '../../../src/data/decode/pool.js';
import { MemoryStore } from '../../../src/data/store.js';
import { FolderTree } from '../../../src/data/tree/folder.js';
import { useTemporaryFolder } from '../fixtures.js';

const folder = useTemporaryFolder();
/** As it is compiled, since only then it has workers to start. */
const compiled = new URL('../../../dist/data/decode/pool.js', import.meta.url).href;

it('stops with the name of the file where a fault is not one of the image', async () => {
  const { decodeImages } = (await import(compiled)) as typeof pool;
  const path = await folder.write('a.png', 'no image');
  const tree = await FolderTree.scan(folder.path());
  const files = [{ name: 'a.png', slot: 0 }];
  const sink = new MemoryStore({ channels: 1, height: 8, width: 8 }, ['a.png']);
  const options = { size: 8, channels: 1, small: true, equalize: false, onProgress: () => undefined } as const;
  expect(await decodeImages(tree, files, sink, options)).toEqual([{ slot: 0, reason: 'not an image file' }]);
  // What stands there now can be read by nobody.
  await rm(path);
  await mkdir(path);
  await expect(decodeImages(tree, files, sink, options)).rejects.toThrow(/^a\.png: EISDIR/);
});
