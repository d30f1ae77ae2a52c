import { escapeMarkup } from './markup.js';

/** A part of a page: figures (SVG elements) or a table, under a heading. */
export interface Section {
  readonly heading: string;
  readonly text?: string;
  /** Figures to be seen at once: a large value over its name. */
  readonly tiles?: readonly { readonly name: string; readonly value: string; readonly note?: string }[];
  readonly figures?: readonly string[];
  /** The first row is the head, the first cell of each row its name. */
  readonly table?: readonly (readonly string[])[];
  /** Shown as it stands. */
  readonly code?: string;
}

const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1c1c; --soft: #6a6a6a; --line: #ddd; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181c; --ink: #e8e8e8; --soft: #a0a0a0; --line: #3a3d42; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1, h2 { overflow-wrap: anywhere; } h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.5rem; }
p { color: var(--soft); white-space: pre-line; overflow-wrap: anywhere; }
.figures { display: flex; flex-wrap: wrap; gap: 2rem; align-items: start; }
figure { margin: 0; max-width: 100%; overflow-x: auto; } figure svg { max-width: 100%; height: auto; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.25rem 0.75rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child { text-align: left; font-weight: normal; }
.pairs td { overflow-wrap: anywhere; } thead th { font-weight: 600; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 1rem; margin: 1rem 0; }
.tile { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.75rem 1rem; }
.tile strong { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { display: block; color: var(--soft); font-size: 0.85rem; }
pre { overflow-x: auto; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 0.5rem; font-size: 0.85rem; }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; font-size: 0.9rem; } a { color: inherit; }`;

/**
 * One HTML page that needs nothing but itself: figures are inline, styles too, and its content policy forbids the
 * browser to load anything. It follows the reader's choice of light or dark.
 */
export function htmlPage(title: string, introduction: string, sections: readonly Section[]): string {
  const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeMarkup(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${escapeMarkup(title)}</h1>
<p>${escapeMarkup(introduction)}</p>
${sections.length > MANY ? contents(sections) : ''}${sections.map(sectionHtml).join('\n')}
</body>
</html>
`;
}

/** A page of more sections begins with a list of them. */
const MANY = 8;

function contents(sections: readonly Section[]): string {
  const links = sections.map(({ heading }, i) => `<a href="#section-${i + 1}">${escapeMarkup(heading)}</a>`);
  return `<nav aria-label="contents">${links.join('')}</nav>\n`;
}

function sectionHtml({ heading, text, tiles = [], figures = [], table, code }: Section, index: number): string {
  return [
    `<section id="section-${index + 1}">`,
    `<h2>${escapeMarkup(heading)}</h2>`,
    ...(text === undefined ? [] : [`<p>${escapeMarkup(text)}</p>`]),
    ...(tiles.length > 0 ? ['<div class="tiles">', ...tiles.map(tileHtml), '</div>'] : []),
    ...(figures.length > 0
      ? [`<div class="figures">`, ...figures.map(svg => `<figure>${svg}</figure>`), '</div>']
      : []),
    ...(table ? [tableHtml(table)] : []),
    ...(code === undefined ? [] : [`<pre tabindex="0">${escapeMarkup(code)}</pre>`]),
    '</section>',
  ].join('\n');
}

function tileHtml({ name, value, note }: NonNullable<Section['tiles']>[number]): string {
  const below = note === undefined ? '' : `<span>${escapeMarkup(note)}</span>`;
  return `<div class="tile"><strong>${escapeMarkup(value)}</strong><span>${escapeMarkup(name)}</span>${below}</div>`;
}

function tableHtml([head = [], ...rows]: readonly (readonly string[])[]): string {
  // A table of names and values speaks for itself.
  const headed = head.some(cell => cell !== '');
  const headCells = head.map(cell => `<th scope="col">${escapeMarkup(cell)}</th>`).join('');
  const lines = rows.map(([name = '', ...cells]) => {
    const values = cells.map(cell => `<td>${escapeMarkup(cell)}</td>`).join('');
    return `<tr><th scope="row">${escapeMarkup(name)}</th>${values}</tr>`;
  });
  const body = `<tbody>\n${lines.join('\n')}\n</tbody>`;
  const pairs = head.length === 2 ? ' class="pairs"' : '';
  const top = headed ? `<thead><tr>${headCells}</tr></thead>` : '';
  return `<div class="table"><table${pairs}>${top}${body}</table></div>`;
}
