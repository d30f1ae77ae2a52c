/**
 * A WGSL file as a kernel family: what it declares is read from its text, so that the shader is the only place where a
 * binding, a parameter or a constant is written down. Specialising replaces the values of named `const` and `alias`
 * lines; no other text is ever generated.
 */

export type Access = 'read' | 'read_write' | 'uniform';
export type ScalarType = 'u32' | 'i32' | 'f32';
/** A constant's value; a string replaces an alias (`alias V = f32;`). */
export type Constants = Readonly<Record<string, number | boolean | string>>;

export interface Binding {
  readonly index: number;
  readonly access: Access;
}

export interface Shader {
  readonly name: string;
  readonly text: string;
  readonly bindings: ReadonlyMap<string, Binding>;
  /** Fields of the uniform struct `Params`, each four bytes, in order. */
  readonly params: readonly { readonly name: string; readonly type: ScalarType }[];
  readonly entryPoints: ReadonlySet<string>;
  readonly needsSubgroups: boolean;
}

const BINDING = /@group\(0\)\s*@binding\((\d+)\)\s*var<(storage|uniform)(?:,\s*(read_write|read))?>\s*(\w+)/g;
const ENTRY = /@compute[^{;]*?\bfn\s+(\w+)/g;
const PARAMS = /struct\s+Params\s*\{([^}]*)\}/;
const FIELD = /(\w+)\s*:\s*(\w+)\s*,?/g;

/** Reads a shader's declarations. Throws when it departs from the house form (`Params` of four-byte scalars, group 0). */
export function parseShader(name: string, text: string): Shader {
  const code = text.replace(/\/\/[^\n]*/g, '');
  const bindings = new Map<string, Binding>();
  for (const [, index, space, access, variable] of code.matchAll(BINDING)) {
    const kind = space === 'uniform' ? 'uniform' : access === 'read_write' ? 'read_write' : 'read';
    bindings.set(variable!, { index: Number(index), access: kind });
  }
  const params: { name: string; type: ScalarType }[] = [];
  for (const [, field, type] of (PARAMS.exec(code)?.[1] ?? '').matchAll(FIELD)) {
    if (type !== 'u32' && type !== 'i32' && type !== 'f32') {
      throw new Error(`${name}.wgsl: field ${field!} of Params has type ${type!}; only u32, i32 and f32 are packed`);
    }
    params.push({ name: field!, type });
  }
  return {
    name,
    text,
    bindings,
    params,
    entryPoints: new Set([...code.matchAll(ENTRY)].map(match => match[1]!)),
    needsSubgroups: /^\s*enable\s+subgroups\s*;/m.test(code),
  };
}

function literal(value: number | boolean | string, current: string): string {
  if (typeof value !== 'number') return String(value);
  if (/^(0x)?[\da-f]+u$/i.test(current)) return `${value}u`;
  return current.includes('.') && Number.isInteger(value) ? `${value}.0` : String(value);
}

/** The shader's text with the named constants' values replaced. Throws for a name that the shader does not declare. */
export function specialise(shader: Shader, constants: Constants): string {
  let text = shader.text;
  for (const [name, value] of Object.entries(constants)) {
    const line = new RegExp(`^((?:const|alias)\\s+${name}\\s*(?::\\s*\\w+\\s*)?=\\s*)([^;]+);`, 'm');
    if (!line.test(text)) throw new Error(`${shader.name}.wgsl declares no constant ${name}`);
    text = text.replace(line, (_, head: string, current: string) => `${head}${literal(value, current.trim())};`);
  }
  return text;
}
