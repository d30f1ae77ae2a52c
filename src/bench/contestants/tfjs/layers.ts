import type { NetworkBuilder, Window } from '../networks.js';
import type { Weight, Weights } from '../weights.js';
import type { TFCore, TFLayer, TFLayers, TFSymbol, TFTensor } from './api.js';

/** PyTorch's momentum of running statistics, 0.1, as TensorFlow counts it. */
const BATCH_NORM_MOMENTUM = 0.9;

/** Puts a network together from tf.layers, as users of TensorFlow.js write it. */
export class LayersBuilder implements NetworkBuilder<TFSymbol> {
  readonly #assign: (() => void)[] = [];
  readonly #dropouts: TFLayer[] = [];
  /** Channels, height and width of what was flattened: PyTorch's linear layers count them in that order. */
  readonly #flattened = new WeakMap<TFSymbol, readonly number[]>();

  constructor(
    private readonly tf: TFCore,
    private readonly tfl: TFLayers,
    private readonly weights: Weights,
    private readonly eps: number,
  ) {}

  /** Copies facegrad's weights into the layers, once the model is built. */
  setWeights(): void {
    for (const assign of this.#assign) assign();
  }

  /** Switches off what implementations draw differently; the function that comes back switches it on again. */
  withoutDropout(): () => void {
    const rates = this.#dropouts.map(({ rate }) => rate!);
    for (const layer of this.#dropouts) layer.rate = 0;
    return () => {
      this.#dropouts.forEach((layer, i) => (layer.rate = rates[i]!));
    };
  }

  conv(x: TFSymbol, name: string, window: Window = {}): TFSymbol {
    const { weight, bias } = this.#weights(name);
    const [filters, , kernelSize] = weight.shape as [number, number, number];
    const layer = this.tfl.layers.conv2d({
      ...{ filters, kernelSize, strides: window.stride ?? 1, useBias: bias !== undefined },
      padding: this.#keepsSize(kernelSize, window) ? 'same' : 'valid',
    });
    this.#set(layer, () => [this.#tensor(weight, [2, 3, 1, 0]), ...(bias ? [this.#tensor(bias)] : [])]);
    return layer.apply(this.#padded(x, kernelSize, window));
  }

  depthwise(x: TFSymbol, name: string, window: Window = {}): TFSymbol {
    const { weight } = this.#weights(name);
    const kernelSize = weight.shape[2]!;
    const layer = this.tfl.layers.depthwiseConv2d({
      ...{ kernelSize, strides: window.stride ?? 1, useBias: false },
      padding: this.#keepsSize(kernelSize, window) ? 'same' : 'valid',
    });
    this.#set(layer, () => [this.#tensor(weight, [2, 3, 0, 1])]);
    return layer.apply(this.#padded(x, kernelSize, window));
  }

  batchNorm(x: TFSymbol, name: string): TFSymbol {
    const layer = this.tfl.layers.batchNormalization({ epsilon: this.eps, momentum: BATCH_NORM_MOMENTUM });
    const all = ['weight', 'bias', 'running_mean', 'running_var'].map(part => this.weights.get(`${name}.${part}`));
    this.#set(layer, () => all.map(weight => this.#tensor(weight)));
    return layer.apply(x);
  }

  linear(x: TFSymbol, name: string): TFSymbol {
    const { weight, bias } = this.#weights(name);
    const layer = this.tfl.layers.dense({ units: weight.shape[0]! });
    const [c, h, w] = this.#flattened.get(x) ?? [];
    this.#set(layer, () => {
      const kernel =
        c === undefined
          ? this.#tensor(weight, [1, 0])
          : this.tf.reshape(this.#tensor({ data: weight.data, shape: [weight.shape[0]!, c, h!, w!] }, [2, 3, 1, 0]), [
              c * h! * w!,
              weight.shape[0]!,
            ]);
      return [kernel, this.#tensor(bias!)];
    });
    return layer.apply(x);
  }

  relu(x: TFSymbol): TFSymbol {
    return this.tfl.layers.activation({ activation: 'relu' }).apply(x);
  }

  silu(x: TFSymbol): TFSymbol {
    return this.tfl.layers.activation({ activation: 'swish' }).apply(x);
  }

  sigmoid(x: TFSymbol): TFSymbol {
    return this.tfl.layers.activation({ activation: 'sigmoid' }).apply(x);
  }

  /** Padding is zeros: right for what comes out of a relu. */
  maxPool(x: TFSymbol, kernel: number, window: Window = {}): TFSymbol {
    const { stride = kernel } = window;
    const layer = this.tfl.layers.maxPooling2d({ poolSize: kernel, strides: stride, padding: 'valid' });
    return layer.apply(this.#padded(x, kernel, { ...window, stride }));
  }

  globalAvgPool(x: TFSymbol): TFSymbol {
    const means = this.tfl.layers.globalAveragePooling2d({}).apply(x);
    return this.tfl.layers.reshape({ targetShape: [1, 1, x.shape[3]!] }).apply(means);
  }

  flatten(x: TFSymbol): TFSymbol {
    const y = this.tfl.layers.flatten({}).apply(x);
    const [, h, w, c] = x.shape as [null, number, number, number];
    this.#flattened.set(y, [c, h, w]);
    return y;
  }

  add(a: TFSymbol, b: TFSymbol): TFSymbol {
    return this.tfl.layers.add({}).apply([a, b]);
  }

  scale(x: TFSymbol, gate: TFSymbol): TFSymbol {
    return this.tfl.layers.multiply({}).apply([x, gate]);
  }

  dropout(x: TFSymbol, p: number): TFSymbol {
    const layer = this.tfl.layers.dropout({ rate: p });
    this.#dropouts.push(layer);
    const y = layer.apply(x);
    const flattened = this.#flattened.get(x);
    if (flattened) this.#flattened.set(y, flattened);
    return y;
  }

  stochasticDepth(x: TFSymbol, p: number): TFSymbol {
    if (p === 0) return x;
    const layer = this.tfl.layers.dropout({ rate: p, noiseShape: [null, 1, 1, 1] });
    this.#dropouts.push(layer);
    return layer.apply(x);
  }

  #weights(name: string): { weight: Weight; bias: Weight | undefined } {
    return { weight: this.weights.get(`${name}.weight`), bias: this.weights.find(`${name}.bias`) };
  }

  #tensor({ data, shape }: Weight, order?: readonly number[]): TFTensor {
    const tensor = this.tf.tensor(Float32Array.from(data), shape);
    return order ? this.tf.transpose(tensor, order) : tensor;
  }

  #set(layer: TFLayer, weights: () => TFTensor[]): void {
    this.#assign.push(() => {
      this.tf.tidy(() => {
        layer.setWeights(weights());
        return undefined;
      });
    });
  }

  /** Whether padding 'same' means what PyTorch's padding does: with strides it pads below and to the right first. */
  #keepsSize(kernel: number, { stride = 1, padding = 0 }: Window): boolean {
    return stride === 1 && padding > 0 && 2 * padding === kernel - 1;
  }

  #padded(x: TFSymbol, kernel: number, window: Window): TFSymbol {
    const { padding = 0 } = window;
    if (padding === 0 || this.#keepsSize(kernel, window)) return x;
    return this.tfl.layers.zeroPadding2d({ padding: [padding, padding] }).apply(x);
  }
}
