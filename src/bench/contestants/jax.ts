import { provideNavigatorGpu, waitInTurns } from '../../gpu/node.js';
import { isSoftware } from '../../gpu/software.js';
import { OPERAND, values } from '../inputs.js';
import { Unsupported, type OpenContestant } from './contestant.js';
import { importPeer } from './peers.js';

/** An array of jax-js. It counts its owners: what a function takes it frees, unless it is given `ref`. */
interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What is used of `@jax-js/jax` 0.1. */
interface Jax {
  init(device: 'webgpu'): Promise<readonly string[]>;
  defaultDevice(device: 'webgpu'): void;
  jit(fn: (a: JaxArray, b: JaxArray) => JaxArray): (a: JaxArray, b: JaxArray) => JaxArray;
  /** Frees nothing. */
  blockUntilReady(arrays: readonly JaxArray[]): Promise<unknown>;
  readonly numpy: { array(data: Float32Array): JaxArray; matmul(a: JaxArray, b: JaxArray): JaxArray };
}

/** jax-js on the same adapter, for matrix products. */
export const openJax: OpenContestant = async options => {
  const adapter = provideNavigatorGpu(options);
  const jax = (await importPeer('@jax-js/jax')) as Jax;
  if (!(await jax.init('webgpu')).includes('webgpu')) throw new Error('jax-js finds no WebGPU adapter');
  jax.defaultDevice('webgpu');
  const info = adapter()?.info;
  const product = jax.jit((a, b) => jax.numpy.matmul(a, b));
  return {
    adapter: info ? info.description || `${info.vendor} ${info.architecture}` : 'WebGPU',
    software: info ? isSoftware(info) : false,
    prepare: async work => {
      if (work.kind !== 'matmul') throw new Unsupported('is timed on matrix products only');
      const { n } = work;
      const operand = (which: number) => jax.numpy.array(values(which, n * n)).reshape([n, n]);
      const [a, b] = [operand(OPERAND.x), operand(OPERAND.w)];
      const launch = () => product(a.ref, b.ref);
      const results = { c: await waitInTurns(launch().data()) };
      // jax-js is lazy: what nobody waits for is never computed.
      let pending: JaxArray[] = [];
      const free = () => {
        for (const array of pending) array.dispose();
        pending = [];
      };
      return {
        results,
        launch: () => {
          pending.push(launch());
        },
        finish: async () => {
          await waitInTurns(jax.blockUntilReady(pending));
          free();
        },
        dispose: () => {
          free();
          a.dispose();
          b.dispose();
        },
      };
    },
  };
};
