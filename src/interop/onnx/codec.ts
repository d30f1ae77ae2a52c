import protobuf from 'protobufjs';
import { UserError } from '../../util/errors.js';
import {
  onnxTypes,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
} from './model.js';
import { SCHEMA } from './schema.js';

/** ONNX's numbers of attribute types. */
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** The first version of the file format that knows an operator set (docs/Versioning.md of ONNX); below 17 the oldest kept. */
const IR_VERSIONS: readonly (readonly [opset: number, ir: number])[] = [
  [23, 11],
  [21, 10],
  [19, 9],
  [15, 8],
  [0, 7],
];

/** What protobufjs makes of the messages of the schema; fields that a message lacks are absent. */
interface ModelMessage {
  irVersion?: number;
  producerName?: string;
  producerVersion?: string;
  graph?: GraphMessage;
  opsetImport?: { domain?: string; version?: number }[];
  metadataProps?: { key?: string; value?: string }[];
}

interface GraphMessage {
  name?: string;
  node?: NodeMessage[];
  initializer?: TensorMessage[];
  input?: ValueMessage[];
  output?: ValueMessage[];
}

interface NodeMessage {
  name?: string;
  opType?: string;
  domain?: string;
  input?: string[];
  output?: string[];
  attribute?: AttributeMessage[];
}

interface AttributeMessage {
  name?: string;
  type?: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  ints?: number[];
}

interface TensorMessage {
  name?: string;
  dims?: number[];
  dataType?: number;
  rawData?: Uint8Array;
}

interface ValueMessage {
  name?: string;
  type?: { tensorType?: { elemType?: number; shape?: { dim?: { dimValue?: number; dimParam?: string }[] } } };
}

const modelType = protobuf.parse(SCHEMA).root.lookupType('onnx.ModelProto');

/** The bytes of a `.onnx` file. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  const { opset, producer, graph, metadata } = model;
  const message: ModelMessage = {
    irVersion: IR_VERSIONS.find(([first]) => opset >= first)![1],
    ...{ producerName: producer.name, producerVersion: producer.version },
    opsetImport: [{ domain: '', version: opset }],
    metadataProps: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: graph.name,
      node: graph.nodes.map(({ name, opType, inputs, outputs, attributes }) => ({
        ...{ name, opType, input: [...inputs], output: [...outputs] },
        attribute: Object.entries(attributes).map(([key, value]) => ({ name: key, ...attributeMessage(value) })),
      })),
      initializer: [...graph.initializers].map(([name, tensor]) => ({ name, ...tensorMessage(tensor) })),
      ...{ input: graph.inputs.map(valueMessage), output: graph.outputs.map(valueMessage) },
    },
  };
  return modelType.encode(modelType.fromObject(message)).finish();
}

/**
 * A model from the bytes of a `.onnx` file.
 * @throws UserError where they are none, or where the file has what `OnnxModel` does not hold: operators of other domains,
 * tensors of other types or outside the file, attributes of other types
 */
export function decodeOnnx(bytes: Uint8Array): OnnxModel {
  let message: ModelMessage;
  try {
    message = modelType.toObject(modelType.decode(bytes), { longs: Number });
  } catch (error) {
    throw new UserError(`this is no ONNX model: ${(error as Error).message}`);
  }
  const { graph, opsetImport = [], producerName = '', producerVersion = '', metadataProps = [] } = message;
  const opset = opsetImport.find(({ domain = '' }) => domain === '')?.version;
  if (!graph || opset === undefined) throw new UserError('this is no ONNX model: it has no graph, or names no opset');
  const { name = '', node = [], initializer = [], input = [], output = [] } = graph;
  return {
    opset,
    producer: { name: producerName, version: producerVersion },
    metadata: Object.fromEntries(metadataProps.map(({ key = '', value = '' }) => [key, value])),
    graph: {
      name,
      nodes: node.map(({ name: nodeName = '', opType = '', domain = '', input = [], output = [], attribute = [] }) => {
        if (domain !== '') throw new UserError(`the operator ${opType} is of the domain ${domain}, which is not known`);
        const attributes = attribute.map(each => [each.name ?? '', attributeOf(each, nodeName)]);
        return {
          ...{ name: nodeName, opType, inputs: input, outputs: output },
          attributes: Object.fromEntries(attributes) as Record<string, OnnxAttribute>,
        };
      }),
      initializers: new Map(initializer.map(tensor => [tensor.name ?? '', tensorOf(tensor)])),
      ...{ inputs: input.map(valueOf), outputs: output.map(valueOf) },
    },
  };
}

function attributeMessage(value: OnnxAttribute): AttributeMessage {
  if (typeof value === 'number') return { type: ATTRIBUTE.int, i: value };
  if (typeof value === 'string') return { type: ATTRIBUTE.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { type: ATTRIBUTE.float, f: value.float };
  return { type: ATTRIBUTE.ints, ints: [...value] };
}

function attributeOf(
  { name = '', type = 0, f = 0, i = 0, s, ints = [] }: AttributeMessage,
  node: string,
): OnnxAttribute {
  switch (type) {
    case ATTRIBUTE.int:
      return i;
    case ATTRIBUTE.string:
      return new TextDecoder().decode(s);
    case ATTRIBUTE.float:
      return { float: f };
    case ATTRIBUTE.ints:
      return ints;
    default:
      throw new UserError(`node ${node}: the attribute ${name} is of type ${type}, which is not known`);
  }
}

function tensorMessage({ type, shape, data }: OnnxTensor): TensorMessage {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { dims: [...shape], dataType: onnxTypes[type].number, rawData };
}

function tensorOf({ name = '', dims = [], dataType, rawData = new Uint8Array() }: TensorMessage): OnnxTensor {
  const type = typeOf(dataType, `tensor ${name}`);
  const { array } = onnxTypes[type];
  const count = dims.reduce((product, size) => product * size, 1);
  if (rawData.length !== count * array.BYTES_PER_ELEMENT) {
    throw new UserError(
      `tensor ${name}: ${rawData.length} bytes do not fill the shape (${dims.join(', ')}) of ${type}; ` +
        'values outside raw_data are not read',
    );
  }
  // Copied to a memory of its own, which is aligned.
  return { type, shape: dims, data: new array(Uint8Array.from(rawData).buffer) };
}

function valueMessage({ name, type, shape }: OnnxValue): ValueMessage {
  const dim = shape.map(size => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: onnxTypes[type].number, shape: { dim } } } };
}

function valueOf({ name = '', type }: ValueMessage): OnnxValue {
  const dims = type?.tensorType?.shape?.dim ?? [];
  return {
    ...{ name, type: typeOf(type?.tensorType?.elemType, `value ${name}`) },
    shape: dims.map(({ dimValue, dimParam }) => dimValue ?? dimParam ?? ''),
  };
}

function typeOf(number: number | undefined, what: string): OnnxType {
  const found = Object.entries(onnxTypes).find(([, type]) => type.number === number);
  if (!found) throw new UserError(`${what} is of type ${number ?? 0}, which is not known`);
  return found[0] as OnnxType;
}
