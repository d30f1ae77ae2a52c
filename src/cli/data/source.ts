import { UserError } from '../../util/errors.js';

/** The data set that a command was given: as its argument or with --data, as all other commands take it. */
export function sourceOf(command: string, path: string | undefined, data: string | undefined): string {
  if (path !== undefined && data !== undefined) throw new UserError(`name the data once: ${path} or --data ${data}`);
  const source = path ?? data;
  if (source === undefined) throw new UserError(`data ${command} needs a data set: facegrad data ${command} <path>`);
  return source;
}
