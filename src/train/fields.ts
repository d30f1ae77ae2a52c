import * as z from 'zod';
import { UserError } from '../util/errors.js';

export type FieldValue = number | boolean | string;
export type Fields = Readonly<Record<string, FieldValue | readonly FieldValue[]>>;

/**
 * Reads `name=value,name=value`. Values are numbers, true, false or words; one that is no `name=value` of its own belongs to
 * the name before it, so that `milestones=3,9` is a list.
 * @throws UserError where the text does not have that form; `what` names the option
 */
export function parseFields(text: string, what: string): Fields {
  const fields: Record<string, FieldValue | FieldValue[]> = {};
  let last: string | undefined;
  for (const part of text === '' ? [] : text.split(',')) {
    const equals = part.indexOf('=');
    const value = valueOf(part.slice(equals + 1).trim());
    if (value === '') throw new UserError(`${what} ${text}: a value is missing; write name=value,name=value`);
    if (equals > 0) {
      last = part.slice(0, equals).trim();
      if (Object.hasOwn(fields, last)) throw new UserError(`${what} ${text}: ${last} is given twice`);
      fields[last] = value;
    } else if (last !== undefined) {
      const before = fields[last]!;
      fields[last] = [...(Array.isArray(before) ? before : [before]), value];
    } else {
      throw new UserError(`${what} ${text}: '${part}' has no name; write name=value,name=value`);
    }
  }
  return fields;
}

function valueOf(text: string): FieldValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

/**
 * Fields that were checked.
 * @throws UserError that names each faulty one, and what there is
 */
export function checkFields<T extends z.ZodObject>(schema: T, fields: Fields, what: string): z.infer<T> {
  const result = schema.safeParse(fields);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join('.')}: ${message}` : message,
  );
  throw new UserError(`${what}: ${faults.join('; ')}. It takes ${Object.keys(schema.shape).join(', ')}`);
}
