import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What runs in a browser has no Node in it, wherever in src/ it comes from: otherwise the build ends here. */
function refuseNode(): Plugin {
  return {
    name: 'refuse-node',
    enforce: 'pre',
    resolveId(id, importer) {
      if (id.startsWith('node:')) throw new Error(`${importer ?? 'the page'} imports ${id}, which no browser has`);
    },
  };
}

const GENERATED = 'newFunc(Function,args)(...closureArgs)';
const OURS =
  'invokerOf(cppInvokerFunc,cppTargetFunc,argTypes,isClassMethodFunc,needsDestructorStack,returns,runDestructors)';

/** OpenCV's bridge to JavaScript without evaluated texts, which the page's Content-Security-Policy forbids. */
function openCvWithoutEval(): Plugin {
  return {
    name: 'opencv-without-eval',
    transform(code, id) {
      if (!id.endsWith('/opencv_js.js')) return null;
      if (code.split(GENERATED).length !== 2)
        throw new Error(`${id} makes functions in another way: see web/faces/invoker.ts`);
      const invoker = JSON.stringify(here('web/faces/invoker.ts'));
      return { code: `import { invokerOf } from ${invoker};\n${code.replace(GENERATED, () => OURS)}`, map: null };
    },
  };
}

/** Folders of the packages that are in the page and in its workers. */
const packages = new Set<string>();

function notePackages(): Plugin {
  return {
    name: 'note-packages',
    transform(_code, id) {
      const [folder] = /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(id) ?? [];
      if (folder !== undefined) packages.add(folder);
      return null;
    },
  };
}

/** Writes the licences of all packages that are in the page, which its files have lost. Vite's own list lacks the workers'. */
function writeLicences(): Plugin {
  return {
    name: 'write-licences',
    generateBundle() {
      const texts = [...packages].sort().map(folder => {
        const { name, version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Package;
        const file = readdirSync(folder).find(file => /^licen[cs]e/i.test(file));
        const text = file === undefined ? '' : readFileSync(`${folder}/${file}`, 'utf8').trim();
        return `${name} ${version} (${license})\n\n${text}\n`;
      });
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join(`\n${'-'.repeat(80)}\n\n`) });
    },
  };
}

interface Package {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

const plugins = () => [refuseNode(), openCvWithoutEval(), notePackages()];

export default defineConfig({
  root: here('web'),
  plugins: [...plugins(), writeLicences()],
  worker: { format: 'es', plugins },
  build: {
    outDir: here('dist/web'),
    emptyOutDir: true,
    target: 'es2022',
    // The server's Content-Security-Policy lets in files of its own only: nothing is written into other files.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // OpenCV's WebAssembly is a file of 11 MB.
    chunkSizeWarningLimit: 12_000,
    reportCompressedSize: false,
  },
});
