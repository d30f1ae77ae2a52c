import type { ModelInfo } from '../../serve/api.js';
import type { Serving } from '../../serve/server.js';
import { bytes, columns, percent, whole } from './format.js';

/** The networks that are served, and where. */
export function serveLines({ url, outerUrls, models }: Pick<Serving, 'url' | 'outerUrls' | 'models'>): string[] {
  const rows = models.map(({ name, model, dataset, parameters, bytes: size, accuracy }) => [
    ...[name, model, dataset ?? '-', whole(parameters), bytes(size), scoreOf(accuracy)],
  ]);
  const head = ['name', 'model', 'data', 'parameters', 'size', 'accuracy'];
  const others = outerUrls.length > 0 ? [`on other machines ${outerUrls.join(' or ')}, with the same #token=…`] : [];
  return [...columns([head, ...rows], 'lllrrr'), '', ...others, `serving at ${url} (Ctrl-C ends it)`];
}

function scoreOf(accuracy: ModelInfo['accuracy']): string {
  return accuracy ? `${percent(accuracy.value)} (${accuracy.split})` : '-';
}
