/** What Embind, the bridge between JavaScript and OpenCV's C++, knows of an argument's or a result's type. */
interface WireType {
  toWireType(destructors: unknown[] | null, value: unknown): unknown;
  fromWireType(value: unknown): unknown;
  readonly destructorFunction: ((wired: unknown) => void) | null | undefined;
}

/**
 * A JavaScript function that calls one of C++. Embind writes the text of such a function and has it evaluated, which the
 * page's Content-Security-Policy forbids; this one does the same without a text. The build puts it in place (vite.config.ts).
 *
 * @param types of the result, of `this`, and of each argument
 * @param method whether C++ gets `this` too
 * @param stack whether what is made on the way is gathered, to be freed at the end
 */
export function invokerOf(
  invoke: (...wired: unknown[]) => unknown,
  target: unknown,
  types: readonly [WireType, WireType, ...WireType[]],
  method: boolean,
  stack: boolean,
  returns: boolean,
  runDestructors: (destructors: unknown[]) => void,
) {
  const [result, self, ...parameters] = types;
  return function (this: unknown, ...values: unknown[]): unknown {
    const destructors = stack ? [] : null;
    const wiredSelf = method ? [self.toWireType(destructors, this)] : [];
    const wired = parameters.map((type, i) => type.toWireType(destructors, values[i]));
    const answer = invoke(target, ...wiredSelf, ...wired);
    if (destructors) runDestructors(destructors);
    else {
      if (method) self.destructorFunction?.(wiredSelf[0]);
      parameters.forEach((type, i) => type.destructorFunction?.(wired[i]));
    }
    return returns ? result.fromWireType(answer) : undefined;
  };
}
