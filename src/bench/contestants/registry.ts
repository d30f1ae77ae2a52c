import type { OpenContestant } from './contestant.js';
import { hasPeer } from './peers.js';

interface Entry {
  /** The packages that it needs, besides this one. */
  readonly packages: readonly string[];
  /** Loaded in the contestant's own process only. */
  readonly load: () => Promise<OpenContestant>;
}

const tfjs = (backend: 'webgpu' | 'wasm' | 'cpu'): Entry => ({
  packages: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-layers', `@tensorflow/tfjs-backend-${backend}`],
  load: async () => (await import('./tfjs/index.js')).openTensorFlow(backend),
});

/** Everybody who can be timed, in the order in which they are shown. */
const contestants = {
  facegrad: { packages: [], load: async () => (await import('./facegrad/index.js')).openFacegrad },
  'tfjs-webgpu': tfjs('webgpu'),
  'tfjs-wasm': tfjs('wasm'),
  'tfjs-cpu': tfjs('cpu'),
  'jax-js': { packages: ['@jax-js/jax'], load: async () => (await import('./jax.js')).openJax },
  onnxruntime: {
    packages: ['onnxruntime-node'],
    load: async () => (await import('./onnxruntime/index.js')).openOnnxRuntime,
  },
} satisfies Record<string, Entry>;

export type ContestantName = keyof typeof contestants;
export type PeerName = Exclude<ContestantName, 'facegrad'>;

export const peerNames = Object.keys(contestants).filter((name): name is PeerName => name !== 'facegrad');

export const isInstalled = (name: ContestantName): boolean => contestants[name].packages.every(hasPeer);

export const loadContestant = (name: ContestantName): Promise<OpenContestant> => contestants[name].load();
