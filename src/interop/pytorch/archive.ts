/** The zip archive that torch.save writes: the pickle and, in a file of its own each, the storages, all uncompressed. */
import { buffer } from 'node:stream/consumers';
import crc32 from 'crc-32';
import { fromBufferPromise, type Entry, type ZipFile } from 'yauzl';
import { UserError } from '../../util/errors.js';
import { printable } from '../printable.js';
import { Budget } from './budget.js';
import { MAX_PICKLE_BYTES } from './pickle.js';

const PICKLE = 'data.pkl';
/** A state dict has a few thousand storages. */
const MAX_ENTRIES = 100_000;

export class PyTorchArchive {
  private constructor(
    private readonly zip: ZipFile,
    private readonly entries: ReadonlyMap<string, Entry>,
    /** The folder that all entries lie in. */
    private readonly root: string,
    private readonly budget: Budget,
  ) {}

  /** @throws UserError for a damaged archive, and for one that torch.save did not write */
  static async open(bytes: Uint8Array): Promise<PyTorchArchive> {
    const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const entries = new Map<string, Entry>();
    const zip = await orDamaged(fromBufferPromise(data));
    if (zip.entryCount > MAX_ENTRIES) throw new UserError(`an archive of ${zip.entryCount} files is no state dict`);
    await orDamaged(
      (async () => {
        for await (const entry of zip.eachEntry()) {
          const { fileName: name } = entry;
          if (entries.has(name)) throw new UserError(`the archive has the file '${printable(name)}' twice`);
          entries.set(name, entry);
        }
      })(),
    );
    const pickles = [...entries.keys()].filter(name => name === PICKLE || name.endsWith(`/${PICKLE}`));
    if (pickles.length !== 1) {
      throw new UserError(`a zip archive with ${pickles.length} files called ${PICKLE}; torch.save writes one`);
    }
    const root = pickles[0]!.slice(0, -PICKLE.length);
    if (entries.has(`${root}constants.pkl`)) {
      throw new UserError('a TorchScript program; save the weights alone: torch.save(model.state_dict(), path)');
    }
    const archive = new PyTorchArchive(zip, entries, root, new Budget('the files of the archive', bytes.length));
    const order = entries.has(`${root}byteorder`) ? (await archive.read('byteorder', 16)).toString() : 'little';
    if (order !== 'little') throw new UserError('written on a big-endian machine; load and save it again on another');
    return archive;
  }

  readPickle(): Promise<Uint8Array> {
    return this.read(PICKLE, MAX_PICKLE_BYTES);
  }

  /** The bytes of a storage, which must be `length`. */
  async readStorage(key: string, length: number): Promise<Uint8Array> {
    const name = `data/${key}`;
    const { uncompressedSize } = this.#entry(name);
    if (uncompressedSize !== length) {
      throw new UserError(
        `truncated: the storage '${printable(key)}' holds ${uncompressedSize} bytes and needs ${length}`,
      );
    }
    return this.read(name, length);
  }

  /** The library stops where an entry turns out longer than the archive says. */
  private async read(name: string, most: number): Promise<Buffer> {
    const entry = this.#entry(name);
    if (entry.isEncrypted()) throw new UserError('an encrypted archive; unpack it with its password');
    const { uncompressedSize: size } = entry;
    if (size > most) throw new UserError(`its file ${printable(name)} has ${size} bytes, more than ${most}`);
    this.budget.spend(size);
    const bytes = await orDamaged(this.zip.openReadStreamPromise(entry).then(stream => buffer(stream)));
    if (crc32.buf(bytes) >>> 0 !== entry.crc32) {
      throw new UserError(
        `its file ${printable(name)} is damaged: the checksum is wrong. Download it again; or, if it was saved after ` +
          'torch.serialization.set_crc32_options(False), save it with checksums',
      );
    }
    return bytes;
  }

  #entry(name: string): Entry {
    const entry = this.entries.get(this.root + name);
    if (!entry) throw new UserError(`the archive lacks its file '${printable(name)}'; it is damaged or cut short`);
    return entry;
  }
}

/** The library's errors are faults of the bytes, since nothing else can go wrong in memory. */
async function orDamaged<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UserError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new UserError(`the archive is damaged or ends too early (${printable(reason)}); download it again`);
  }
}
