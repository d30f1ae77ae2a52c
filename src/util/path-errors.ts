/** Codes of the system that mean that the path itself is no good; others, such as a full disk, are the machine's. */
const CODES = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EROFS', 'ENAMETOOLONG', 'ENOTEMPTY']);

/** Whether a file could not be written because of the path that the user gave. */
export function isPathError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CODES.has(String(error.code));
}
