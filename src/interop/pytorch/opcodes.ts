/** The opcodes of Python's pickletools that a state dict of protocol 2 to 5 can be written with, and what each does. */
import type { ByteReader } from './bytes.js';
import type { PickleMachine } from './machine.js';
import type { PickleValue } from './values.js';

/** What opcodes push, by their character. */
const pushes: Readonly<Record<string, (machine: PickleMachine, input: ByteReader) => PickleValue>> = {
  // Constants and numbers
  N: () => null,
  '\x88': () => true,
  '\x89': () => false,
  J: (_, input) => input.int32(),
  K: (_, input) => input.uint8(),
  M: (_, input) => input.uint16(),
  '\x8a': (_, input) => input.long(input.uint8()),
  '\x8b': (_, input) => input.long(input.uint32()),
  G: (_, input) => input.float64(),
  // Texts and bytes; Python 2 wrote texts as what are now bytes
  X: (_, input) => input.text(input.uint32()),
  '\x8c': (_, input) => input.text(input.uint8()),
  '\x8d': (_, input) => input.text(input.uint64()),
  T: (_, input) => input.text(input.uint32()),
  U: (_, input) => input.text(input.uint8()),
  B: (_, input) => input.slice(input.uint32()),
  C: (_, input) => input.slice(input.uint8()),
  '\x8e': (_, input) => input.slice(input.uint64()),
  // Tuples, lists, sets, dicts
  ')': () => [],
  t: machine => machine.popToMark(),
  '\x85': machine => machine.popMany(1),
  '\x86': machine => machine.popMany(2),
  '\x87': machine => machine.popMany(3),
  ']': () => [],
  l: machine => machine.popToMark(),
  '\x8f': () => [],
  '\x91': machine => machine.popToMark(),
  '}': () => new Map(),
  d: machine => machine.newDict(machine.popToMark()),
  // Stack and memo
  '2': machine => machine.top(),
  h: (machine, input) => machine.recall(input.uint8()),
  j: (machine, input) => machine.recall(input.uint32()),
  // What is not plain data
  c: (machine, input) => machine.global(input.line(), input.line()),
  '\x93': machine => machine.stackGlobal(),
  R: machine => machine.reduce(),
  Q: machine => machine.persistentId(),
};

/** Opcodes that change what lies on the stack. */
const changes: Readonly<Record<string, (machine: PickleMachine, input: ByteReader) => void>> = {
  a(machine) {
    machine.append(machine.popMany(1));
  },
  e(machine) {
    machine.append(machine.popToMark());
  },
  '\x90'(machine) {
    machine.append(machine.popToMark());
  },
  s(machine) {
    machine.setItems(machine.popMany(2));
  },
  u(machine) {
    machine.setItems(machine.popToMark());
  },
  '('(machine) {
    machine.mark();
  },
  '0'(machine) {
    machine.pop();
  },
  '1'(machine) {
    machine.popToMark();
  },
  q(machine, input) {
    machine.memoize(input.uint8());
  },
  r(machine, input) {
    machine.memoize(input.uint32());
  },
  '\x94'(machine) {
    machine.memoize();
  },
  // Framing only says how far a reader may read ahead.
  '\x95'(_, input) {
    input.skip(8);
  },
  b(machine) {
    machine.build();
  },
};

const byCode = <T>(of: (character: string) => T): readonly T[] =>
  Array.from({ length: 256 }, (_, code) => of(String.fromCharCode(code)));

/** The opcodes that push a value, by code. */
export const pushesByCode = byCode(character => pushes[character]);

/** The others that are known, by code. */
export const changesByCode = byCode(character => changes[character]);

/** Whether an opcode makes an object, by code. */
export const allocates = byCode(character => '(])}tldBCRQ\x85\x86\x87\x8e\x8f\x91'.includes(character));
