import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from './model.js';

/** Puts a graph together, node by node in the order in which they run. Values are strings: their names. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers = new Map<string, OnnxTensor>();
  readonly #literals = new Map<string, string>();
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #names = new Set<string>();

  constructor(private readonly name: string) {}

  input(name: string, type: OnnxType, shape: OnnxValue['shape']): string {
    this.#inputs.push({ name: this.#take(name), type, shape });
    return name;
  }

  /** A constant; its name is numbered where that is taken. */
  constant(name: string, tensor: OnnxTensor): string {
    const own = this.#unique(name);
    this.#initializers.set(own, tensor);
    return own;
  }

  /** A constant of float32, named by its values. */
  floats(values: readonly number[], shape: readonly number[]): string {
    const data = Float32Array.from(values);
    return this.#literal(['float32', ...shape].join('x'), values, { type: 'float32', shape, data });
  }

  /** A list of int64, named by its values: where ONNX takes shapes and axes as inputs. */
  integers(values: readonly number[]): string {
    const data = BigInt64Array.from(values, BigInt);
    return this.#literal('int64', values, { type: 'int64', shape: [values.length], data });
  }

  /** A node with one output, which goes by the node's name: `layer/opType`, numbered where that is taken. */
  node(
    opType: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
    layer = '',
  ): string {
    const name = this.#unique(layer === '' ? opType : `${layer}/${opType}`);
    this.#nodes.push({ name, opType, inputs, outputs: [name], attributes });
    return name;
  }

  /** Makes `value` an output of the graph, under another name. */
  output(value: string, name: string, shape: OnnxValue['shape']): void {
    this.#outputs.push({ name: this.#take(name), type: 'float32', shape });
    const made = this.#nodes.findIndex(({ outputs }) => outputs.includes(value));
    if (made < 0) {
      // An input or a constant is what it is.
      this.#nodes.push({
        name: `${name}/Identity`,
        opType: 'Identity',
        inputs: [value],
        outputs: [name],
        attributes: {},
      });
      return;
    }
    const renamed = (values: readonly string[]) => values.map(each => (each === value ? name : each));
    this.#nodes.forEach((node, i) => {
      this.#nodes[i] = { ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) };
    });
  }

  finish(): OnnxGraph {
    return {
      ...{ name: this.name, nodes: this.#nodes, initializers: this.#initializers },
      ...{ inputs: this.#inputs, outputs: this.#outputs },
    };
  }

  /** The same numbers are one constant, wherever they are asked for. */
  #literal(type: string, values: readonly number[], tensor: OnnxTensor): string {
    const name = `${type}/${values.join(',')}`;
    const found = this.#literals.get(name) ?? this.constant(name, tensor);
    this.#literals.set(name, found);
    return found;
  }

  #unique(stem: string): string {
    let name = stem;
    for (let i = 1; this.#names.has(name); i++) name = `${stem}_${i}`;
    return this.#take(name);
  }

  #take(name: string): string {
    if (this.#names.has(name)) throw new Error(`the graph has two values called ${name}`);
    this.#names.add(name);
    return name;
  }
}
