/** What a scope frees at its end: tensors. */
export interface Scoped {
  readonly kept: boolean;
  dispose(): void;
}

const scopes: Scoped[][] = [];

/** Registers a new tensor with the innermost open scope. */
export function adopt(tensor: Scoped): void {
  scopes.at(-1)?.push(tensor);
}

/**
 * Runs `fn` and then frees every tensor that was made in it, except the ones that called `keep()` and those returned
 * (a tensor, or an array of them), which pass to the scope around. JavaScript's collector does not see GPU memory, so a
 * training step runs in a scope. `fn` is synchronous: reading back waits, and happens outside.
 */
export function scope<T>(fn: () => T): T {
  const made: Scoped[] = [];
  scopes.push(made);
  let result: T | undefined;
  try {
    result = fn();
    if (result instanceof Promise)
      throw new Error('scope() takes a synchronous function; read tensors back outside it');
    return result;
  } finally {
    scopes.pop();
    const returned = new Set<unknown>(Array.isArray(result) ? result : [result]);
    for (const tensor of made) {
      if (returned.has(tensor)) adopt(tensor);
      else if (!tensor.kept) tensor.dispose();
    }
  }
}
