import type { OnnxValue } from '../../interop/onnx/index.js';
import { bytes, columns, whole } from './format.js';

/** What `facegrad export` tells of a file that it has written. */
export interface ExportReport {
  readonly file: string;
  readonly model: string;
  readonly opset: number;
  readonly foldBatchNorm: boolean;
  readonly parameters: number;
  readonly nodes: number;
  readonly bytes: number;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Greatest difference between onnxruntime's logits and ours, where it was looked for. */
  readonly check?: { readonly difference: number; readonly tolerance: number };
}

export function exportLines(report: ExportReport): string[] {
  const { file, model, opset, parameters, nodes, inputs, outputs, metadata, check } = report;
  const value = (kind: string, { name, type, shape }: OnnxValue) => [kind, name, `${type} (${shape.join(', ')})`];
  return [
    `${file}: ${model}, ${whole(parameters)} parameters, ${bytes(report.bytes)}, opset ${opset}, ${nodes} nodes` +
      (report.foldBatchNorm ? ', batch normalisation folded' : ''),
    ...columns(
      [
        ...inputs.map(input => value('input', input)),
        ...outputs.map(output => value('output', output)),
        ...Object.entries(metadata).map(([key, text]) => ['metadata', key, text]),
      ],
      'lll',
    ),
    ...(check ? [`onnxruntime gives our logits to ${check.difference.toExponential(1)}`] : []),
  ];
}
