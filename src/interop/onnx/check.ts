import { onnxTypes, type OnnxModel } from './model.js';

/**
 * What ONNX asks of a graph's structure (docs/IR.md of ONNX), and besides that nothing is idle: every value has a name of
 * its own and is defined before it is used, nodes have different names, constants fill their shapes, and each input,
 * constant and node serves an output. Whether operators get what they want is not looked at: runtimes do that.
 * @throws Error that lists every fault
 */
export function checkOnnx({ graph, opset }: OnnxModel): void {
  const faults: string[] = [];
  if (!Number.isInteger(opset) || opset < 1) faults.push(`the opset ${opset} is none`);
  const defined = new Set<string>();
  const define = (value: string, by: string) => {
    if (value === '') faults.push(`${by} has no name`);
    if (defined.has(value)) faults.push(`${by} gives ${value}, which is there already`);
    defined.add(value);
  };
  const used = new Set<string>();
  for (const { name } of graph.inputs) define(name, 'an input');
  for (const [name, { type, shape, data }] of graph.initializers) {
    define(name, 'a constant');
    const { array } = onnxTypes[type];
    const count = shape.reduce((product, size) => product * size, 1);
    if (!(data instanceof array)) faults.push(`the constant ${name} of ${type} is held by a ${data.constructor.name}`);
    if (data.length !== count) faults.push(`the constant ${name} of (${shape.join(', ')}) has ${data.length} values`);
  }
  const nodes = new Set<string>();
  for (const { name, opType, inputs, outputs } of graph.nodes) {
    if (name === '' || nodes.has(name)) faults.push(`two nodes are called '${name}'`);
    nodes.add(name);
    if (outputs.length === 0) faults.push(`${name} (${opType}) gives nothing`);
    for (const input of inputs) {
      if (input !== '' && !defined.has(input)) faults.push(`${name} (${opType}) takes ${input} before it is defined`);
      used.add(input);
    }
    for (const output of outputs) define(output, name);
  }
  if (graph.outputs.length === 0) faults.push('the graph has no output');
  for (const { name } of graph.outputs) {
    if (!defined.has(name)) faults.push(`the output ${name} is not defined`);
    used.add(name);
  }
  for (const name of defined) if (!used.has(name)) faults.push(`nobody takes ${name}`);
  if (faults.length > 0) throw new Error(`the ONNX graph is not sound:\n  ${faults.join('\n  ')}`);
}
