import { describe, expect, it } from 'vitest';
import { checkOnnx, decodeOnnx, encodeOnnx, GraphBuilder, type OnnxModel } from '../../src/interop/onnx/index.js';
import { UserError } from '../../src/util/errors.js';

/** y = relu(x·w + 1), cut after two columns. */
function small(): OnnxModel {
  const graph = new GraphBuilder('small');
  const x = graph.input('x', 'float32', ['batch', 3]);
  const w = graph.constant('w', {
    type: 'float32',
    shape: [3, 3],
    data: Float32Array.from({ length: 9 }, (_, i) => i / 7),
  });
  const product = graph.node('Gemm', [x, w], { transB: 1, alpha: { float: 0.5 } }, 'fc');
  const sum = graph.node('Add', [product, graph.floats([1], [])]);
  const cut = graph.node('Slice', [sum, graph.integers([0]), graph.integers([2]), graph.integers([1])]);
  const again = graph.node('Add', [cut, graph.floats([1], [])]);
  graph.output(graph.node('Softmax', [again], { axis: -1, note: 'ß', pads: [0, 1, -2] }), 'y', ['batch', 2]);
  const producer = { name: 'test', version: '1.2' };
  return { opset: 17, producer, graph: graph.finish(), metadata: { classes: '["ärger","joy"]', empty: '' } };
}

describe('ONNX files', () => {
  it('keep everything', () => {
    const model = small();
    checkOnnx(model);
    expect(decodeOnnx(encodeOnnx(model))).toEqual(model);
  });

  it('are the bytes that the format asks for', () => {
    const graph = new GraphBuilder('g');
    graph.output(graph.input('x', 'float32', [1]), 'y', [1]);
    const producer = { name: 'p', version: '' };
    const bytes = encodeOnnx({ opset: 17, producer, graph: graph.finish(), metadata: {} });
    // By hand from onnx.proto: tag = field·8 + wire type; 0 varint, 2 bytes with their length.
    const text = (s: string) => [s.length, ...Buffer.from(s)];
    const dim = [0x08, 1];
    const shapeProto = [0x0a, dim.length, ...dim];
    const tensor = [0x08, 1, 0x12, shapeProto.length, ...shapeProto];
    const type = [0x0a, tensor.length, ...tensor];
    const info = (name: string) => [0x0a, ...text(name), 0x12, type.length, ...type];
    const node = [0x0a, ...text('x'), 0x12, ...text('y'), 0x1a, ...text('y/Identity'), 0x22, ...text('Identity')];
    const body = [
      ...[0x0a, node.length, ...node, 0x12, ...text('g')],
      ...[0x5a, info('x').length, ...info('x'), 0x62, info('y').length, ...info('y')],
    ];
    // Fields that hold nothing are left out.
    const opset = [0x10, 17];
    expect([...bytes]).toEqual([
      ...[0x08, 8, 0x12, ...text('p')],
      ...[0x3a, body.length, ...body, 0x42, opset.length, ...opset],
    ]);
  });

  it('numbers the names of constants and nodes that are taken, and makes a literal once', () => {
    const graph = new GraphBuilder('g');
    const tensor = { type: 'float32', shape: [1], data: new Float32Array(1) } as const;
    expect([graph.constant('w', tensor), graph.constant('w', tensor)]).toEqual(['w', 'w_1']);
    expect([graph.floats([1, 2], [2]), graph.floats([1, 2], [2])]).toEqual(Array(2).fill('float32x2/1,2'));
    expect(graph.floats([1, 2], [1, 2])).toBe('float32x1x2/1,2');
    expect([graph.node('Relu', ['w'], {}, 'a'), graph.node('Relu', ['w'], {}, 'a')]).toEqual(['a/Relu', 'a/Relu_1']);
  });

  it.each([
    ['no protobuf', Uint8Array.of(1, 2, 3), /this is no ONNX model/],
    ['nothing', new Uint8Array(), /no graph/],
    ['a length beyond the end', Uint8Array.of(0x3a, 0x7f, 0x0a), /this is no ONNX model/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeOnnx(bytes)).toThrow(UserError);
    expect(() => decodeOnnx(bytes)).toThrow(message);
  });

  it('refuses a tensor that does not fill its shape', () => {
    const model = small();
    const short = new Map([
      ...model.graph.initializers,
      ['w', { type: 'float32', shape: [3, 3], data: new Float32Array(8) }],
    ]);
    const bytes = encodeOnnx({
      ...model,
      graph: { ...model.graph, initializers: short },
    });
    expect(() => decodeOnnx(bytes)).toThrow(/tensor w: 32 bytes do not fill the shape \(3, 3\) of float32/);
  });
});

describe('the check of a graph', () => {
  const { graph } = small();
  const broken = (change: Partial<OnnxModel['graph']>): OnnxModel => ({ ...small(), graph: { ...graph, ...change } });
  const [first, second, ...rest] = graph.nodes as [OnnxModel['graph']['nodes'][0], OnnxModel['graph']['nodes'][0]];

  it.each([
    ['a value before it is defined', { nodes: [second, first, ...rest] }, /takes fc\/Gemm before it is defined/],
    ['a value that nobody makes', { nodes: [{ ...first, inputs: ['x', 'v'] }, second, ...rest] }, /takes v before/],
    ['two nodes of one name', { nodes: [first, { ...second, name: first.name }, ...rest] }, /two nodes are called/],
    ['two values of one name', { nodes: [first, { ...second, outputs: ['x'] }, ...rest] }, /gives x, which is there/],
    [
      'what nobody takes',
      { nodes: graph.nodes.slice(0, -1), outputs: [{ ...graph.outputs[0]!, name: 'x' }] },
      /nobody/,
    ],
    ['an output that nobody makes', { outputs: [{ ...graph.outputs[0]!, name: 'z' }] }, /the output z is not defined/],
    ['no output', { outputs: [] }, /has no output/],
    [
      'a constant that does not fill its shape',
      { initializers: new Map([...graph.initializers, ['w', { ...graph.initializers.get('w')!, shape: [2, 3] }]]) },
      /the constant w of \(2, 3\) has 9 values/,
    ],
  ] as [string, Partial<OnnxModel['graph']>, RegExp][])('finds %s', (_, change, message) => {
    expect(() => {
      checkOnnx(broken(change));
    }).toThrow(message);
  });
});
