import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import { dataCacheFolder } from '../../data/cache.js';
import type { Device } from '../../gpu/device.js';
import { dawnVersion, shaderNames, shaderText } from '../../gpu/node.js';
import { writeFileAtomic } from '../files.js';

const text = z.string();

/** What a table of choices holds for: another adapter, driver or kernel makes another choice the fastest. */
const keySchema = z.strictObject({
  facegrad: text,
  webgpu: text,
  vendor: text,
  architecture: text,
  device: text,
  /** With most drivers, their version too. */
  description: text,
  /** Least and most lanes of a subgroup; 0 where kernels do without. */
  lanes: z.tuple([z.number(), z.number()]),
  /** Of the shaders' texts. */
  shaders: text,
});

/** `checksum` is that of the rest: a name that is damaged may be that of another choice. */
const fileSchema = z.strictObject({ key: keySchema, choices: z.record(text, text), checksum: text });

type Key = z.infer<typeof keySchema>;

function keyOf(device: Device, version: string): Key {
  const { vendor, architecture, device: name, description, subgroupMaxSize = 0 } = device.info;
  const hash = createHash('sha256');
  for (const shader of shaderNames()) hash.update(`${shader}\n${shaderText(shader)}\n`);
  const lanes: [number, number] = device.subgroupSize > 0 ? [device.subgroupSize, subgroupMaxSize] : [0, 0];
  const adapter = { vendor, architecture, device: name, description };
  return { facegrad: version, webgpu: dawnVersion(), ...adapter, lanes, shaders: hash.digest('hex') };
}

/** The choices that were found to be fastest on one adapter: a file in the user's cache folder, and its content. */
export class TuningCache {
  private constructor(
    readonly path: string,
    private readonly key: Key,
    /** By class of shapes; kept up by `add`. */
    readonly choices: Map<string, string>,
    private readonly warn: (text: string) => void,
  ) {}

  /**
   * The choices for this device and this version of facegrad; none where there is no file yet. A file that is damaged or of
   * something else is told to `warn`, and replaced by the next `add`.
   */
  static async open(device: Device, version: string, warn: (text: string) => void): Promise<TuningCache> {
    const key = keyOf(device, version);
    const name = (key.description || key.device || key.vendor || 'adapter').replace(/[^\w.-]+/g, '_').slice(0, 80);
    const digest = createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 16);
    const path = join(dirname(dataCacheFolder()), 'kernels', `${name}-${digest}.json`);
    const { choices, fault } = await load(path, key);
    if (fault !== undefined) warn(`${path} ${fault}; it is made anew`);
    return new TuningCache(path, key, new Map(Object.entries(choices)), warn);
  }

  /**
   * Writes these choices beside those in the file, which another process may have changed. Where both have one, `replace`
   * says whether the new one counts. A folder that cannot be written is told, and is no reason to stop.
   */
  async add(choices: ReadonlyMap<string, string>, { replace }: { replace: boolean }): Promise<void> {
    const { choices: stored } = await load(this.path, this.key);
    const added = Object.fromEntries(choices);
    const merged = replace ? { ...stored, ...added } : { ...added, ...stored };
    this.choices.clear();
    for (const [name, choice] of Object.entries(merged)) this.choices.set(name, choice);
    try {
      await mkdir(dirname(this.path), { recursive: true });
      const content = { key: this.key, choices: merged };
      const checksum = checksumOf(content);
      await writeFileAtomic(this.path, `${JSON.stringify({ ...content, checksum }, null, 2)}\n`);
    } catch (error) {
      this.warn(`the choices of kernels cannot be kept: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function load(path: string, key: Key): Promise<{ choices: Record<string, string>; fault?: string }> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? { choices: {} } : { choices: {}, fault: `cannot be read (${message})` };
  }
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return { choices: {}, fault: 'is damaged' };
  }
  const file = fileSchema.safeParse(value);
  if (!file.success || file.data.checksum !== checksumOf(file.data)) return { choices: {}, fault: 'is damaged' };
  if (JSON.stringify(file.data.key) !== JSON.stringify(key))
    return { choices: {}, fault: 'is of another adapter or version' };
  return { choices: file.data.choices };
}

function checksumOf({ key, choices }: { key: Key; choices: Record<string, string> }): string {
  return `sha256:${createHash('sha256')
    .update(JSON.stringify([key, choices]))
    .digest('hex')}`;
}
