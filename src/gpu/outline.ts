import type { Binding, Shader } from './shader.js';

/** A named value that `specialise` can replace. */
export interface Constant {
  readonly name: string;
  readonly kind: 'const' | 'alias';
  /** As it stands in the file, such as `8u` or `THREADS * PER`. */
  readonly value: string;
}

export interface OutlinedBinding extends Binding {
  readonly name: string;
  /** WGSL's, such as `array<vec4f>`. */
  readonly type: string;
}

export interface EntryPoint {
  readonly name: string;
  /** Line of its name, from 1. */
  readonly line: number;
  readonly workgroupSize: string;
  /** Names of the bindings that it, or a function that it calls, uses. */
  readonly bindings: readonly string[];
}

/** What a shader file declares, for people who read it. */
export interface Outline {
  readonly constants: readonly Constant[];
  readonly bindings: readonly OutlinedBinding[];
  readonly entryPoints: readonly EntryPoint[];
}

const CONSTANT = /^(const|alias)\s+(\w+)\s*(?::\s*\w+\s*)?=\s*([^;]+);/gm;
const ENTRY = /@compute\s+@workgroup_size\(([^)]*)\)\s*fn\s+(\w+)/g;

/** Reads what is declared off the text of a shader in the house form. */
export function outline(shader: Shader): Outline {
  // Comments become blanks, so that places stay where they are.
  const code = shader.text.replace(/\/\/[^\n]*/g, comment => ' '.repeat(comment.length));
  const bodies = functions(code);
  return {
    constants: [...code.matchAll(CONSTANT)].map(([, kind, name, value]) => {
      return { name: name!, kind: kind as Constant['kind'], value: value!.trim() };
    }),
    bindings: [...shader.bindings].map(([name, binding]) => {
      const type = new RegExp(`var<[^>]*>\\s*${name}\\s*:\\s*([^;]+);`).exec(code)?.[1]?.trim() ?? '';
      return { name, ...binding, type };
    }),
    entryPoints: [...code.matchAll(ENTRY)].map(({ 0: head, 1: size, 2: name, index }) => {
      const words = reached(name!, bodies);
      return {
        name: name!,
        line: code.slice(0, index + head.length).split('\n').length,
        workgroupSize: size!.trim(),
        bindings: [...shader.bindings.keys()].filter(binding => words.has(binding)),
      };
    }),
  };
}

/** The words in each function's body, by its name. */
function functions(code: string): Map<string, ReadonlySet<string>> {
  const bodies = new Map<string, ReadonlySet<string>>();
  for (const { 1: name, index } of code.matchAll(/\bfn\s+(\w+)/g)) {
    let depth = 0;
    let end = code.indexOf('{', index);
    do {
      if (code[end] === '{') depth++;
      else if (code[end] === '}') depth--;
      end++;
    } while (depth > 0 && end < code.length);
    // What follows a dot is a member, whatever a binding is called.
    bodies.set(name!, new Set(code.slice(code.indexOf('{', index), end).match(/(?<![.\w])[A-Za-z_]\w*/g)));
  }
  return bodies;
}

/** The words of a function and of all that it calls, directly or not. */
function reached(entry: string, bodies: ReadonlyMap<string, ReadonlySet<string>>): ReadonlySet<string> {
  const words = new Set<string>();
  const visited = new Set<string>();
  const open = [entry];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (visited.has(name)) continue;
    visited.add(name);
    for (const word of bodies.get(name) ?? []) {
      words.add(word);
      if (bodies.has(word)) open.push(word);
    }
  }
  return words;
}
