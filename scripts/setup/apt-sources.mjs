/**
 * One archive that apt reads, from either of its two file formats. `options` holds the deb822 fields of the entry that
 * decide whether apt trusts the archive, as written.
 *
 * @typedef {{ uris: string[], suites: string[], components: string[], options: Record<string, string> }} AptSource
 */

/** The fields that an entry for another suite of the same mirror must repeat. One-line files spell them in lower case. */
const TRUST_FIELDS = ['Signed-By', 'Trusted', 'Check-Valid-Until'];

/**
 * The binary-package archives that one sources file names and has enabled.
 *
 * @param {string} path decides the format: `.sources` is deb822, `.list` has one entry a line; apt ignores other names
 * @param {string} text
 * @returns {AptSource[]}
 */
export function parseAptSources(path, text) {
  if (path.endsWith('.sources')) return parseStanzas(text);
  if (path.endsWith('.list')) return parseLines(text);
  return [];
}

/** @param {string} text */
function parseStanzas(text) {
  /** @type {AptSource[]} */
  const sources = [];
  const lines = text.split(/\r?\n/).filter(line => !line.startsWith('#'));
  for (const stanza of lines.join('\n').split(/\n[ \t]*\n/)) {
    const fields = parseFields(stanza);
    const words = (/** @type {string} */ name) => fields[name]?.split(/\s+/).filter(Boolean) ?? [];
    if (!words('types').includes('deb') || /^(no|false|off|0)$/i.test(fields['enabled'] ?? '')) continue;
    /** @type {Record<string, string>} */
    const options = {};
    for (const name of TRUST_FIELDS) {
      const value = fields[name.toLowerCase()];
      if (value) options[name] = value;
    }
    sources.push({ uris: words('uris'), suites: words('suites'), components: words('components'), options });
  }
  return sources;
}

/**
 * @param {string} stanza
 * @returns {Record<string, string>} by lower-case name; a value that goes on over indented lines keeps its line breaks
 */
function parseFields(stanza) {
  /** @type {Record<string, string>} */
  const fields = {};
  let name = '';
  for (const line of stanza.split('\n')) {
    const [, head, value = ''] = /^([^\s:]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (head !== undefined) {
      name = head.toLowerCase();
      fields[name] = value.trimEnd();
    } else if (name !== '' && /^[ \t]/.test(line)) {
      fields[name] += `\n${line}`;
    }
  }
  return fields;
}

/** @param {string} text */
function parseLines(text) {
  /** @type {AptSource[]} */
  const sources = [];
  for (const line of text.split(/\r?\n/)) {
    const entry = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)/.exec(line);
    const [, given = '', uri, suite, components] = entry ?? [];
    if (uri === undefined || suite === undefined || components === undefined) continue;
    /** @type {Record<string, string>} */
    const options = {};
    for (const name of TRUST_FIELDS) {
      const value = new RegExp(`(?:^|\\s)${name}=(\\S+)`, 'i').exec(given)?.[1];
      if (value) options[name] = value.replaceAll(',', ' ');
    }
    sources.push({ uris: [uri], suites: [suite], components: components.split(/\s+/).filter(Boolean), options });
  }
  return sources;
}

/**
 * @param {AptSource[]} sources
 * @param {string} suite
 */
export function hasSuite(sources, suite) {
  return sources.some(s => s.suites.includes(suite) && s.components.includes('main'));
}

/**
 * The mirror of Debian's own archive that these sources use. Other vendors name their suites after Debian's releases
 * too, but only Debian's archive has an `-updates` suite beside the release.
 *
 * @param {AptSource[]} sources
 * @param {string[]} releases names of the release: code name and aliases
 * @returns {AptSource | undefined}
 */
export function debianMirror(sources, releases) {
  const network = sources.filter(s => s.components.includes('main') && !s.uris.some(uri => uri.startsWith('cdrom:')));
  const updated = network.filter(s => s.suites.some(suite => releases.some(r => suite === `${r}-updates`)));
  const mirrors = new Set(updated.flatMap(s => s.uris));
  const ofRelease = network.filter(s => s.suites.some(suite => releases.includes(suite)));
  return (
    ofRelease.find(s => s.uris.some(uri => mirrors.has(uri))) ??
    ofRelease.find(s => s.uris.some(uri => /debian\.org\//.test(uri)))
  );
}

/**
 * A deb822 file that adds one suite of a mirror.
 *
 * @param {AptSource} mirror
 * @param {string} suite
 */
export function suiteFile(mirror, suite) {
  const fields = { Types: 'deb', URIs: mirror.uris.join(' '), Suites: suite, Components: 'main', ...mirror.options };
  return Object.entries(fields)
    .map(([name, value]) => `${name}: ${value}\n`)
    .join('');
}
