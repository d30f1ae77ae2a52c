/**
 * What is used of TensorFlow.js 4.22 (https://js.tensorflow.org/api/4.22.0/). The packages are installed for benchmarks only,
 * so that their own types are not always there.
 */
export interface TFTensor {
  readonly shape: readonly number[];
  data(): Promise<Float32Array>;
  dispose(): void;
}

export interface TFVariable extends TFTensor {
  readonly name: string;
}

type Named = Readonly<Record<string, TFTensor>>;

export interface TFCore {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  backend(): object;
  engine(): { runKernel(name: string, inputs: Named, attributes: object): TFTensor };
  tidy<T extends TFTensor | readonly TFTensor[] | Named | undefined>(fn: () => T): T;
  tensor(values: Float32Array, shape: readonly number[]): TFTensor;
  tensor1d(values: Int32Array, dtype: 'int32'): TFTensor;
  variable(initial: TFTensor): TFVariable;
  transpose(x: TFTensor, order: readonly number[]): TFTensor;
  reshape(x: TFTensor, shape: readonly number[]): TFTensor;
  oneHot(indices: TFTensor, depth: number): TFTensor;
  cast(x: TFTensor, dtype: 'float32'): TFTensor;
  matMul(a: TFTensor, b: TFTensor): TFTensor;
  relu(x: TFTensor): TFTensor;
  add(a: TFTensor, b: TFTensor): TFTensor;
  mean(x: TFTensor, axes: readonly number[]): TFTensor;
  moments(x: TFTensor, axes: readonly number[]): { mean: TFTensor; variance: TFTensor };
  batchNorm(
    x: TFTensor,
    mean: TFTensor,
    variance: TFTensor,
    offset: TFTensor,
    scale: TFTensor,
    epsilon: number,
  ): TFTensor;
  conv2d(x: TFTensor, filter: TFTensor, strides: number, pad: number): TFTensor;
  depthwiseConv2d(x: TFTensor, filter: TFTensor, strides: number, pad: number): TFTensor;
  maxPool(x: TFTensor, size: number, strides: number, pad: number): TFTensor;
  /** The gradient of f's result, times dy where given, by each argument. */
  grads(f: (...xs: TFTensor[]) => TFTensor): (xs: readonly TFTensor[], dy?: TFTensor) => TFTensor[];
  valueAndGrads(
    f: (...xs: TFTensor[]) => TFTensor,
  ): (xs: readonly TFTensor[]) => { value: TFTensor; grads: TFTensor[] };
  readonly losses: { softmaxCrossEntropy(onehot: TFTensor, logits: TFTensor): TFTensor };
  readonly train: {
    adam(
      learningRate: number,
      beta1: number,
      beta2: number,
      epsilon: number,
    ): {
      minimize(f: () => TFTensor, returnCost: true): TFTensor;
      applyGradients(gradients: readonly { name: string; tensor: TFTensor }[]): void;
      dispose(): void;
    };
  };
}

/** A place in a network that is being put together. */
export interface TFSymbol {
  readonly shape: readonly (number | null)[];
}

export interface TFLayer {
  rate?: number;
  apply(x: TFSymbol | readonly TFSymbol[]): TFSymbol;
  setWeights(weights: readonly TFTensor[]): void;
}

export interface TFModel {
  apply(x: TFTensor, options: { training: boolean }): TFTensor;
  countParams(): number;
  dispose(): void;
}

type MakeLayer = (options: object) => TFLayer;

export interface TFLayers {
  input(options: { shape: readonly number[] }): TFSymbol;
  model(options: { inputs: TFSymbol; outputs: TFSymbol }): TFModel;
  readonly layers: Readonly<
    Record<
      | 'conv2d'
      | 'depthwiseConv2d'
      | 'batchNormalization'
      | 'dense'
      | 'activation'
      | 'maxPooling2d'
      | 'globalAveragePooling2d'
      | 'reshape'
      | 'flatten'
      | 'add'
      | 'multiply'
      | 'dropout'
      | 'zeroPadding2d',
      MakeLayer
    >
  >;
}

/** Of the WebGPU backend, to wait for what was launched without reading anything back. */
export interface TFWebGPUBackend {
  /** Null while everything that was launched has been submitted. */
  readonly commandEncoder: object | null;
  endComputePassEncoder(): void;
  submitQueue(): void;
  readonly queue: GPUQueue;
}

/** TensorFlow.js as contestants use it. */
export interface TF {
  readonly core: TFCore;
  /** Waits until everything that was launched has been done. */
  readonly finish: () => Promise<void>;
  /** Reads a tensor back, and frees it. */
  readonly read: (tensor: TFTensor) => Promise<Float32Array>;
}
