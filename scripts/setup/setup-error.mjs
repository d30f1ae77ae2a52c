/** A fault that the user can mend; its message is all that is printed. */
export class SetupError extends Error {}
