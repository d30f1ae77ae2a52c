import type { Slice } from './pool.js';
import type { Shader } from './shader.js';

/**
 * Bytes that a launch has to move: each of its bindings once, and what it both reads and writes twice. What a kernel reads
 * again (the rows of a product's operands) comes from caches as far as it is fast, and is not counted. `placeholder` stands
 * for absent operands.
 */
export function bytesMoved(
  shader: Shader,
  entry: string,
  bindings: Readonly<Record<string, Slice>>,
  placeholder: Slice,
): number {
  const updated = updatedBy(shader, entry);
  let bytes = 0;
  for (const name in bindings) {
    const slice = bindings[name]!;
    if (slice.buffer !== placeholder.buffer) bytes += slice.bytes * (updated.has(name) ? 2 : 1);
  }
  return bytes;
}

const known = new WeakMap<Shader, Map<string, ReadonlySet<string>>>();

/** The writable bindings that an entry point also reads, as its text and that of the shader's functions tell. */
export function updatedBy(shader: Shader, entry: string): ReadonlySet<string> {
  const entries = known.get(shader) ?? new Map<string, ReadonlySet<string>>();
  known.set(shader, entries);
  const before = entries.get(entry);
  if (before) return before;
  const text = reachable(shader, entry);
  const writable = [...shader.bindings].filter(([, { access }]) => access === 'read_write');
  const updated = new Set(writable.map(([name]) => name).filter(name => isRead(text, name)));
  entries.set(entry, updated);
  return updated;
}

/** The bodies of an entry point and of all functions that are none. */
function reachable(shader: Shader, entry: string): string {
  const code = shader.text.replace(/\/\/[^\n]*/g, '');
  const functions = [...code.matchAll(/\bfn\s+(\w+)[^{]*\{/g)];
  return functions
    .filter(([, name]) => name === entry || !shader.entryPoints.has(name!))
    .map(({ 0: head, index }) => code.slice(index + head.length, closing(code, index + head.length, '{', '}')))
    .join('\n');
}

/** Whether `name` stands anywhere but left of an assignment. */
function isRead(text: string, name: string): boolean {
  return [...text.matchAll(new RegExp(`\\b${name}\\s*\\[`, 'g'))].some(({ 0: head, index }) => {
    const behind = text.slice(closing(text, index + head.length, '[', ']') + 1);
    return !/^\s*(\.\w+\s*)?=(?!=)/.test(behind);
  });
}

/** Where the bracket that is open before `start` closes. */
function closing(text: string, start: number, open: string, close: string): number {
  let depth = 1;
  let i = start;
  for (; i < text.length; i++) {
    if (text[i] === open) depth++;
    else if (text[i] === close && --depth === 0) break;
  }
  return i;
}
