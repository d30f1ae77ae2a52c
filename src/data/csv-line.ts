/** One line of CSV (RFC 4180, with a plain line feed); cells with commas, quotes or line breaks are quoted. */
export function csvLine(cells: readonly string[]): string {
  const quoted = cells.map(cell => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell));
  return `${quoted.join(',')}\n`;
}
