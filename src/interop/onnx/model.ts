/** An ONNX model in memory: the part of the format (https://onnx.ai) that feed-forward networks need. */

/** Element types with their array on the host, and their numbers in the format. */
export const onnxTypes = {
  float32: { number: 1, array: Float32Array },
  uint8: { number: 2, array: Uint8Array },
  int64: { number: 7, array: BigInt64Array },
} as const;

export type OnnxType = keyof typeof onnxTypes;

/** A constant of the graph, row-major. */
export interface OnnxTensor {
  readonly type: OnnxType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array | BigInt64Array;
}

/** A number is an integer attribute, a list one of integers; floats say so. */
export type OnnxAttribute = number | readonly number[] | string | { readonly float: number };

/** Inputs and outputs go by the names of values; '' stands for an optional input that is left out. */
export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output of the graph. A size that differs from call to call goes by a name, such as `batch`. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  /** Each node after those whose outputs it takes. */
  readonly nodes: readonly OnnxNode[];
  /** By the names of the values that they give. */
  readonly initializers: ReadonlyMap<string, OnnxTensor>;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxModel {
  /** Version of the default operator set. */
  readonly opset: number;
  readonly producer: { readonly name: string; readonly version: string };
  readonly graph: OnnxGraph;
  /** `metadata_props`. */
  readonly metadata: Readonly<Record<string, string>>;
}
