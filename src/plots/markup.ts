/** Text as the content or a quoted attribute of XML and HTML. */
export function escapeMarkup(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return withoutControls(text).replaceAll(/[&<>"']/g, character => entities[character]!);
}

/**
 * Text with U+FFFD for the control characters that XML cannot carry, not even escaped; names of folders may hold them.
 */
export function withoutControls(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd');
}
