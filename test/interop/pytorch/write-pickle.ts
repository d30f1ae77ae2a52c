/** Writes pickles of protocol 2, and state dicts as torch.save lays them out; knows nothing of the reader. */

/** The bytes that leave one value on the stack. */
export type Pickled = readonly number[];

const utf8 = (text: string) => [...new TextEncoder().encode(text)];
const ascii = utf8;
const uint32 = (value: number) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];

export const none: Pickled = ascii('N');
export const bool = (value: boolean): Pickled => [value ? 0x88 : 0x89];
export const int = (value: number): Pickled => [...ascii('J'), ...uint32(value)];
export const text = (value: string): Pickled => [...ascii('X'), ...uint32(utf8(value).length), ...utf8(value)];
export const tuple = (...items: Pickled[]): Pickled => [...ascii('('), ...items.flat(), ...ascii('t')];
export const list = (...items: Pickled[]): Pickled => [...ascii(']('), ...items.flat(), ...ascii('e')];
export const global = (module: string, name: string): Pickled => ascii(`c${module}\n${name}\n`);
export const call = (callee: Pickled, ...args: Pickled[]): Pickled => [...callee, ...tuple(...args), ...ascii('R')];
export const persistent = (id: Pickled): Pickled => [...id, ...ascii('Q')];
export const dict = (entries: readonly (readonly [Pickled, Pickled])[]): Pickled => [
  ...ascii('}('),
  ...entries.flatMap(([key, value]) => [...key, ...value]),
  ...ascii('u'),
];

/** A dict whose keys are texts. */
export const named = (entries: Readonly<Record<string, Pickled>>): Pickled =>
  dict(Object.entries(entries).map(([key, value]) => [text(key), value]));

/** A long integer of these bytes, little endian. */
export const long = (...bytes: number[]): Pickled => [0x8a, bytes.length, ...bytes];

/** A whole pickle. */
export const pickle = (value: Pickled): Uint8Array => Uint8Array.of(0x80, 2, ...value, 0x2e);

export const storage = (type: string, key: string, elements: number, ...view: Pickled[]): Pickled =>
  persistent(tuple(text('storage'), global('torch', type), text(key), text('cpu'), int(elements), ...view));

export const orderedDict = call(global('collections', 'OrderedDict'));

/** A tensor over `over`, of sizes and strides. */
export function tensor(over: Pickled, shape: readonly number[], stride: readonly number[], offset = 0): Pickled {
  const [sizes, strides] = [tuple(...shape.map(int)), tuple(...stride.map(int))];
  return call(
    global('torch._utils', '_rebuild_tensor_v2'),
    over,
    int(offset),
    sizes,
    strides,
    bool(false),
    orderedDict,
  );
}

/** A float32 vector that fills the storage `key`. */
export const vector = (key: string, elements: number): Pickled =>
  tensor(storage('FloatStorage', key, elements), [elements], [1]);

/** The bytes of these float32 values. */
export const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** The format before PyTorch 1.6: `storages` by key, each with its number of elements. */
export function legacyFile(
  value: Pickled,
  storages: readonly (readonly [key: string, elements: number, bytes: Uint8Array])[],
) {
  const count = (elements: number) => new Uint8Array(BigInt64Array.of(BigInt(elements)).buffer);
  return concat([
    pickle(long(0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19)),
    pickle(int(1001)),
    pickle(named({ protocol_version: int(1001), little_endian: bool(true) })),
    pickle(value),
    pickle(list(...storages.map(([key]) => text(key)))),
    ...storages.flatMap(([, elements, bytes]) => [count(elements), bytes]),
  ]);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
