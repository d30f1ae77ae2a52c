const MOST = 100;

/** Text out of a file, fit for a message: without the control characters that terminals obey, and no longer than a line. */
export function printable(text: string): string {
  const clipped = text.length > MOST ? `${text.slice(0, MOST)}…` : text;
  return clipped.replace(/\p{Cc}/gu, control => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
