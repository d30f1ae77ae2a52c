/** Looks over the text of a JSON object for what JSON.parse lets pass. Text that is no JSON is left to JSON.parse. */

/** A safetensors header nests three deep: its tensors, what is said of one, its shape. */
const MAX_DEPTH = 8;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * What a strict reader refuses in `text`: a key that an object has twice, of which JSON.parse keeps the last, or arrays
 * and objects that are nested without end.
 */
export function faultOfKeys(text: string): string | undefined {
  // The keys so far of each object that is open; undefined for an array.
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text.charAt(at)) {
      case '{':
      case '[':
        open.push(text[at] === '{' ? new Set() : undefined);
        if (open.length > MAX_DEPTH) return 'is nested too deeply';
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        const start = at;
        at = endOfString(text, start);
        const keys = open.at(-1);
        if (!keys || !isKey(text, at + 1)) break;
        const key = unescaped(text.slice(start, at + 1));
        if (keys.has(key)) return `has the name ${JSON.stringify(key.slice(0, 100))} twice`;
        keys.add(key);
        break;
      }
    }
  }
  return undefined;
}

/** Where the string that begins at `start` ends: its closing quote, or the text's end. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}

function isKey(text: string, after: number): boolean {
  let at = after;
  while (at < text.length && ' \t\r\n'.includes(text[at]!)) at++;
  return text[at] === ':';
}

/** Two spellings of one name are one name. */
function unescaped(literal: string): string {
  if (!literal.includes('\\')) return literal.slice(1, -1);
  try {
    return JSON.parse(literal) as string;
  } catch {
    return literal;
  }
}
