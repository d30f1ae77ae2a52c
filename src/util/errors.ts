/**
 * A fault in what the user gave: a file, an option, a shape. The command line prints its message alone, without a
 * stack, and exits with 2. Everything else that is thrown is a fault of the program or of the machine and exits with 1.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
}

/** Asked for something that this version cannot do yet. Never silently ignored; parity counts it on its own. */
export class NotImplementedError extends UserError {
  override readonly name: string = 'NotImplementedError';
}
