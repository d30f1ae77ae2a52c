/**
 * A restricted reader of Python pickles (https://docs.python.org/3/library/pickletools.html). It builds plain data; what the
 * pickle names beyond that is looked up in a list of the caller's and refused where it is not there. Nothing is imported
 * and nothing of the pickle is executed. Time and memory grow with the pickle's length only.
 */
import { ByteReader } from './bytes.js';
import { PickleMachine, type PickleHooks } from './machine.js';
import { allocates, changesByCode, pushesByCode } from './opcodes.js';
import { PickleError, type PickleValue } from './values.js';

/** Longer pickles are no state dicts: those of the largest networks have names and shapes of some thousand tensors. */
export const MAX_PICKLE_BYTES = 16 * 1024 * 1024;

/** As many containers and calls as a pickle may have: without a limit they are a bomb. */
const MAX_OBJECTS = 2 ** 19;

const PROTO = 0x80;
const STOP = 0x2e;
const LATEST_PROTOCOL = 5;

/**
 * Reads the pickle that begins at byte `start`, and tells where it ends.
 * @throws PickleError, a UserError, that says what is wrong or refused
 */
export function unpickle(bytes: Uint8Array, hooks: PickleHooks, start = 0): { value: PickleValue; end: number } {
  const input = new ByteReader(bytes, start, Math.min(bytes.length, start + MAX_PICKLE_BYTES));
  const machine = new PickleMachine(hooks);
  if (input.uint8() !== PROTO) throw new PickleError('not a pickle of protocol 2 or later');
  const protocol = input.uint8();
  if (protocol < 2 || protocol > LATEST_PROTOCOL) {
    throw new PickleError(`a pickle of protocol ${protocol}; facegrad reads 2 to ${LATEST_PROTOCOL}`);
  }
  let objects = 0;
  for (;;) {
    const at = input.at;
    const code = input.uint8();
    if (code === STOP) break;
    if (allocates[code] && ++objects > MAX_OBJECTS) {
      throw new PickleError(`the pickle holds more than ${MAX_OBJECTS} objects, more than any state dict`);
    }
    const pushed = pushesByCode[code];
    const change = changesByCode[code];
    if (pushed) {
      machine.push(pushed(machine, input));
    } else if (change) {
      change(machine, input);
    } else {
      const hex = code.toString(16).padStart(2, '0');
      throw new PickleError(`byte ${at} of the pickle is the opcode 0x${hex}, which no state dict needs`);
    }
  }
  return { value: machine.result(), end: input.at };
}
