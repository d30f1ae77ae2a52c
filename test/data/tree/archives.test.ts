import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openSource } from '../../../src/data/tree/open.js';
import { foldersOf, imagesOf, type FileTree } from '../../../src/data/tree/tree.js';
import { useTemporaryFolder } from '../fixtures.js';
import { tarOf, writeFiles, zipOf, type Files } from '../files.js';

const FILES: Files = {
  'top/list.csv': 'image,label\n',
  'top/a/1.png': 'one',
  'top/a/2.JPG': 'two',
  'top/b/3.webp': 'three',
  'top/.hidden/4.png': 'x',
  '__MACOSX/top/a/._1.png': 'x',
};

async function contentsOf(tree: FileTree, names: string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const { name, bytes } of tree.contents(names)) found[name] = Buffer.from(bytes).toString();
  return found;
}

describe('openSource', () => {
  const folder = useTemporaryFolder();
  const open = (path: string) => openSource(path, 'something');

  const writers: [string, () => Promise<string>][] = [
    ['a folder', () => writeFiles(folder.path(), FILES)],
    ['a zip archive', () => folder.write('data.zip', zipOf({ 'top/empty/': '', ...FILES }))],
    ['a tar archive', async () => folder.write('data.tar', await tarOf(FILES))],
    ['a gzipped tar archive under another name', async () => folder.write('data', gzipSync(await tarOf(FILES)))],
  ];

  it.each(writers)('lists and reads %s', async (kind, write) => {
    const { tree } = await open(await write());
    expect(imagesOf(tree).map(({ name }) => name)).toEqual(['top/a/1.png', 'top/a/2.JPG', 'top/b/3.webp']);
    expect(foldersOf(tree, 'top').filter(name => name !== 'empty')).toEqual(['a', 'b']);
    expect(foldersOf(tree, 'top').includes('empty')).toBe(kind === 'a zip archive');
    expect(await tree.readText('top/list.csv')).toBe('image,label\n');
    expect(await contentsOf(tree, ['top/b/3.webp', 'top/a/1.png'])).toEqual({
      'top/a/1.png': 'one',
      'top/b/3.webp': 'three',
    });
    await tree.close();
  });

  it('knows folders that hold nothing, and follows links, but not in circles', async () => {
    const root = await writeFiles(join(folder.path(), 'data'), { 'a/1.png': 'one' });
    const elsewhere = await writeFiles(join(folder.path(), 'other'), { '2.png': 'two' });
    await mkdir(join(root, 'empty'));
    await symlink(elsewhere, join(root, 'linked'));
    await symlink(root, join(root, 'a', 'round'));
    const { tree } = await open(root);
    expect(foldersOf(tree)).toEqual(['a', 'empty', 'linked']);
    expect([...tree.files.keys()]).toEqual(['a/1.png', 'linked/2.png']);
  });

  it.each([
    ['a name that leads out', { '../evil.png': 'x' }, /"\.\.\/evil\.png" leads out of the archive/],
    ['a name that leads out in the end', { 'a/../../evil.png': 'x' }, /evil\.png" leads out of the archive/],
    ['an absolute name', { '/etc/evil.png': 'x' }, /"\/etc\/evil\.png" has an absolute path/],
  ])('refuses a tar archive with %s', async (_, files, message) => {
    const path = await folder.write('bad.tar.gz', gzipSync(await tarOf({ 'a/1.png': 'x', ...files })));
    await expect(open(path)).rejects.toThrow(message);
    await expect(open(path)).rejects.toMatchObject({ name: 'UserError' });
  });

  it('refuses a tar archive with a link', async () => {
    const path = await folder.write('bad.tar', await tarOf(FILES, { 'top/a/link.png': '/etc/passwd' }));
    await expect(open(path)).rejects.toThrow(/"top\/a\/link\.png" is a link to "\/etc\/passwd"/);
  });

  it.each([
    ['a name that leads out', zipOf({ 'a/../../evil.png': 'x' }), /leads out of the archive.*a\/\.\.\/\.\.\/evil\.png/],
    ['an absolute name', zipOf({ '/etc/evil.png': 'x' }), /leads out of the archive.*\/etc\/evil\.png/],
    ['a link', zipOf({ 'a/link.png': '/etc/passwd' }, { mode: 0o120777 }), /"a\/link\.png" is a link/],
    ['an encrypted entry', zipOf({ 'a/1.png': 'x' }, { flags: 1 }), /"a\/1\.png" is encrypted/],
    ['its end cut off', zipOf(FILES).subarray(0, 200), /the archive is damaged or ends too early/],
  ])('refuses a zip archive with %s', async (_, bytes, message) => {
    const path = await folder.write('bad.zip', bytes);
    await expect(open(path)).rejects.toThrow(message);
    await expect(open(path)).rejects.toMatchObject({ name: 'UserError' });
  });

  it('refuses a gzipped tar archive that ends too early', async () => {
    const noise = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * i * 7 + (i >> 5)) % 253));
    const whole = gzipSync(await tarOf({ 'a/1.png': noise, 'b/2.png': noise }));
    const path = await folder.write('bad.tar.gz', whole.subarray(0, whole.length - 100));
    await expect(open(path)).rejects.toThrow(/bad\.tar\.gz: the archive is damaged or ends too early/);
  });
});
