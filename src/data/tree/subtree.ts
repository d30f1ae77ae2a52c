import type { FileTree, TreeFile } from './tree.js';

/** What stands in `folder` of a tree, as a tree. */
export function subtreeOf(tree: FileTree, folder: string): FileTree {
  const prefix = `${folder}/`;
  const files = new Map<string, TreeFile>();
  for (const file of tree.files.values()) {
    if (!file.name.startsWith(prefix)) continue;
    const name = file.name.slice(prefix.length);
    files.set(name, { ...file, name });
  }
  return {
    path: `${tree.path}/${folder}`,
    files,
    folders: tree.folders.filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length)),
    find: async name => {
      const file = await tree.find(prefix + name);
      return file && { ...file, name };
    },
    readText: name => tree.readText(prefix + name),
    async *contents(names) {
      for await (const { name, bytes } of tree.contents(names.map(name => prefix + name))) {
        yield { name: name.slice(prefix.length), bytes };
      }
    },
    location: name => tree.location(prefix + name),
    place: name => tree.place(prefix + name),
    close: () => tree.close(),
  };
}
