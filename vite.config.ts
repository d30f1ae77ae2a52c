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

const plugins = () => [refuseNode(), openCvWithoutEval()];

export default defineConfig({
  root: here('web'),
  plugins: plugins(),
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
