import { Resvg } from '@resvg/resvg-js';

/** Throws unless `xml`, a root element, is well-formed: the renderer's parser takes nothing else. */
export function requireWellFormed(xml: string): void {
  // Inside a foreign object any element may stand.
  const content = xml.startsWith('<svg') ? xml : `<foreignObject>${xml}</foreignObject>`;
  new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1">${content}</svg>`);
}

/** Whatever in a page or a figure would make its reader load something: addresses, except of namespaces. */
export function externalReferences(markup: string): string[] {
  const addresses =
    markup.replaceAll(/ xmlns(:\w+)?="[^"]*"/g, '').match(/[a-z]+:\/\/[^"'\s)<]*|["'(]\/\/[^"'\s)]*/gi) ?? [];
  const links = [...markup.matchAll(/\b(?:src|href|srcset|action|data)\s*=\s*["']([^"']*)["']/gi)].map(([, to]) => to!);
  const styles = [...markup.matchAll(/url\(\s*["']?([^"')]*)/gi)].map(([, to]) => to!);
  const own = (to: string) => to.startsWith('data:') || to.startsWith('#');
  return [...addresses, ...links.filter(to => !own(to)), ...styles.filter(to => !own(to))];
}
