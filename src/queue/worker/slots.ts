import type { ListedAdapter } from '../../gpu/node.js';
import { isSoftware } from '../../gpu/software.js';

/** A process that trains, and what it is started with. */
export interface Slot {
  readonly adapter: string | undefined;
  readonly backend: string | undefined;
  /** Variables that choose one of several adapters of the same name. */
  readonly env: Readonly<Record<string, string>>;
}

/** What Mesa's layer for choosing a device reads, whatever the driver: which device of Vulkan, and that no other is shown. */
export const CHOICE = 'DRI_PRIME';

/**
 * The processes of a worker: `concurrency` on the adapter that was asked for, else on each of those that there are. Software
 * counts only where there is no GPU. Under several backends an adapter is taken once, with the backend that Dawn lists first.
 *
 * Dawn chooses an adapter by its name. Of several of one name, as of a machine with four GPUs of a kind, all but the first are
 * chosen by `CHOICE`.
 */
export function planSlots(
  adapters: readonly ListedAdapter[],
  asked: { readonly adapter?: string | undefined; readonly backend?: string | undefined },
  concurrency: number,
): Slot[] {
  const { adapter, backend } = asked;
  const many = (slot: Slot) => Array.from({ length: concurrency }, () => slot);
  if (adapter !== undefined) return many({ adapter, backend, env: {} });
  const usable = adapters.filter(one => backend === undefined || one.backend === backend);
  const hardware = usable.filter(({ name }) => !isSoftware({ description: name }));
  const candidates = hardware.length > 0 ? hardware : usable;
  const names = [...new Set(candidates.map(({ name }) => name))];
  // What there is none of is told by whoever opens it.
  if (names.length === 0) return many({ adapter: undefined, backend, env: {} });
  return names.flatMap(name => {
    const first = candidates.find(one => one.name === name)!.backend;
    const copies = candidates.filter(one => one.name === name && one.backend === first).length;
    return Array.from({ length: copies }, (_, i) =>
      many({ adapter: name, backend: first, env: i === 0 ? {} : { [CHOICE]: `${i}!` } }),
    ).flat();
  });
}

/** Whether `CHOICE` was to leave one adapter of a name, and has left several. */
export function choiceFault(
  adapters: readonly ListedAdapter[],
  asked: { readonly adapter?: string | undefined; readonly backend?: string | undefined },
  env: NodeJS.ProcessEnv,
): string | undefined {
  const { adapter, backend } = asked;
  if (adapter === undefined || !/^\d+!$/.test(env[CHOICE] ?? '')) return undefined;
  const copies = adapters.filter(one => one.name === adapter && (backend === undefined || one.backend === backend));
  if (copies.length < 2) return undefined;
  return (
    `${copies.length} adapters are called ${adapter}, and ${CHOICE} does not choose between them here; ` +
    'start a worker for each where it sees no other, in a container with one GPU'
  );
}
