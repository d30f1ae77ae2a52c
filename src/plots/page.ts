import { escapeMarkup } from './markup.js';

/** A part of a page: figures (SVG elements) or a table, under a heading. */
export interface Section {
  readonly heading: string;
  /** What this section and those around it with the same are about: it stands above the first of them. */
  readonly group?: string;
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
:root { color-scheme: light dark; --paper: #fff; --ink: #1c1c1c; --soft: #5f5f5f; --line: #ddd; --shade: #bbb; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #16181c; --ink: #e8e8e8; --soft: #a0a0a0; --line: #3a3d42; --shade: #555; } }
body { margin: 2rem auto; padding: 0 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1, h2, h3 { overflow-wrap: anywhere; } h1 { font-size: 1.6rem; }
h2, h3 { font-size: 1.15rem; margin: 2.5rem 0 0.5rem; }
h2.group { font-size: 1.4rem; margin-top: 3.5rem; border-top: 1px solid var(--line); padding-top: 1.5rem; }
p { margin: 0.5rem 0 1rem; max-width: 50rem; color: var(--soft); white-space: pre-line; overflow-wrap: anywhere; }
.parts { display: flex; flex-wrap: wrap; gap: 1.5rem; align-items: start; }
figure { margin: 0; } figure svg { display: block; max-width: 100%; min-width: var(--least); height: auto; }
figure, .table { max-width: 100%; overflow-x: auto; background:
  linear-gradient(to right, var(--paper) 40%, transparent) left center / 2rem 200% no-repeat local,
  linear-gradient(to left, var(--paper) 40%, transparent) right center / 2rem 200% no-repeat local,
  linear-gradient(to right, var(--shade), transparent) left center / 0.6rem calc(100% - 4px) no-repeat scroll,
  linear-gradient(to left, var(--shade), transparent) right center / 0.6rem calc(100% - 4px) no-repeat scroll; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { padding: 0.25rem 0.6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
thead th { font-weight: 600; vertical-align: bottom; white-space: normal; } tbody th { font-weight: normal; }
th:first-child { padding-left: 0; position: sticky; left: 0; background: var(--paper); }
th:first-child, .words { text-align: left; } tbody th { max-width: 45vw; }
tbody th:not(.short) { white-space: normal; }
@media (max-width: 30rem) { th, td { padding-inline: 0.4rem; } }
.pairs td { white-space: normal; overflow-wrap: anywhere; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: 0.75rem; margin: 1rem 0; }
.tile { border: 1px solid var(--line); border-radius: 0.5rem; padding: 0.6rem 0.8rem; }
.tile strong { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { display: block; color: var(--soft); font-size: 0.85rem; }
pre { overflow-x: auto; padding: 0.75rem 1rem; border: 1px solid var(--line); border-radius: 0.5rem; font-size: 0.85rem; }
nav p { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; max-width: none; font-size: 0.9rem; }
nav b { flex-basis: 100%; font-weight: 600; color: var(--ink); } a { color: inherit; }`;

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
${sections.length > MANY ? contents(sections) : ''}${sections.map((section, i) => sectionHtml(section, i, beginsGroup(sections, i))).join('\n')}
</body>
</html>
`;
}

/** A page of more sections begins with a list of them. */
const MANY = 8;

/** Links, one paragraph a group. */
function contents(sections: readonly Section[]): string {
  const links = sections.map(({ heading, group = '' }, i) => {
    const link = `<a href="#section-${i + 1}">${escapeMarkup(heading)}</a>`;
    const first = beginsGroup(sections, i);
    const name = first && group !== '' ? `<b>${escapeMarkup(group)}</b>` : '';
    return `${first ? `${i > 0 ? '</p>' : ''}<p>` : ''}${name}${link}`;
  });
  return `<nav aria-label="contents">${links.join('')}</p></nav>\n`;
}

function beginsGroup(sections: readonly Section[], i: number): boolean {
  return i === 0 || sections[i]!.group !== sections[i - 1]!.group;
}

function sectionHtml(section: Section, index: number, first: boolean): string {
  const { heading, group, text, tiles = [], figures = [], table, code } = section;
  const level = group === undefined ? 'h2' : 'h3';
  const parts = [...figures.map(figureHtml), ...(table ? [tableHtml(table)] : [])];
  return [
    ...(first && group !== undefined ? [`<h2 class="group">${escapeMarkup(group)}</h2>`] : []),
    `<section id="section-${index + 1}">`,
    `<${level}>${escapeMarkup(heading)}</${level}>`,
    ...(text === undefined ? [] : [`<p>${escapeMarkup(text)}</p>`]),
    ...(tiles.length > 0 ? ['<div class="tiles">', ...tiles.map(tileHtml), '</div>'] : []),
    ...(parts.length > 0 ? ['<div class="parts">', ...parts, '</div>'] : []),
    ...(code === undefined ? [] : [`<pre tabindex="0">${escapeMarkup(code)}</pre>`]),
    '</section>',
  ].join('\n');
}

/**
 * To what share of its own width a figure is shrunk: below, its text could not be read, and it is scrolled instead. A page on a
 * desk is always wide enough.
 */
const LEAST = 0.9;
const DESK = 1000;

function figureHtml(svg: string): string {
  const width = Number(/^<svg\b[^>]*? width="([\d.]+)"/.exec(svg)?.[1] ?? 0);
  return `<figure style="--least:${Math.floor(Math.min(LEAST * width, DESK))}px">${svg}</figure>`;
}

function tileHtml({ name, value, note }: NonNullable<Section['tiles']>[number]): string {
  const below = note === undefined ? '' : `<span>${escapeMarkup(note)}</span>`;
  return `<div class="tile"><strong>${escapeMarkup(value)}</strong><span>${escapeMarkup(name)}</span>${below}</div>`;
}

/** A row's name of no more letters stays on one line on a phone, too. */
const SHORT = 24;

function tableHtml([head = [], ...rows]: readonly (readonly string[])[]): string {
  // A table of names and values speaks for itself.
  const headed = head.some(cell => cell !== '');
  const words = head.map((_, column) => rows.some(row => !isFigure(row[column] ?? '')));
  const cell = (tag: string, content: string, column: number) =>
    `<${tag}${words[column] ? ' class="words"' : ''}>${escapeMarkup(content)}</${tag.split(' ')[0]!}>`;
  const headCells = head.map((content, column) => cell('th scope="col"', content, column)).join('');
  const lines = rows.map(([name = '', ...cells]) => {
    const values = cells.map((content, i) => cell('td', content, i + 1)).join('');
    return `<tr><th scope="row"${name.length <= SHORT ? ' class="short"' : ''}>${escapeMarkup(name)}</th>${values}</tr>`;
  });
  const body = `<tbody>\n${lines.join('\n')}\n</tbody>`;
  const pairs = head.length === 2 ? ' class="pairs"' : '';
  const top = headed ? `<thead><tr>${headCells}</tr></thead>` : '';
  return `<div class="table"><table${pairs}>${top}${body}</table></div>`;
}

/** Whether a cell says how much, so that it stands on the right: a number with or without a unit, or nothing. */
function isFigure(cell: string): boolean {
  return cell === '' || cell === '–' || /^[<>]?\s?[-−+]?[\d.]+/.test(cell);
}
