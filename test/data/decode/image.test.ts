import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { crc32 } from 'node:zlib';
import { decodeImage, faultOf, readImageHeader, UnusableImage } from '../../../src/data/decode/image.js';
import { plain } from '../files.js';

const WHITE = { r: 255, g: 255, b: 255 };

/** (2,2,3) with four colours, enlarged to 32x32 without smoothing: the corners of what comes out say how it was turned. */
const CORNERS = [
  [250, 10, 20],
  [10, 200, 30],
  [20, 30, 240],
  [240, 230, 10],
];

function corners() {
  return sharp(Buffer.from(CORNERS.flat()), { raw: { width: 2, height: 2, channels: 3 } }).resize(32, 32, {
    kernel: 'nearest',
  });
}

/** The pixels in the middle of the four quarters of a 32x32 image. */
function quarters(image: Uint8Array, channels = 3): number[][] {
  return [8, 24].flatMap(y =>
    [8, 24].map(x => [...image.subarray((y * 32 + x) * channels, (y * 32 + x + 1) * channels)]),
  );
}

function expectNear(found: number[][], expected: number[][], tolerance: number): void {
  found.forEach((pixel, i) => {
    pixel.forEach((value, c) => {
      expect(Math.abs(value - expected[i]![c]!), `quarter ${i}, channel ${c}: ${value}`).toBeLessThanOrEqual(tolerance);
    });
  });
}

/** The beginning of a PNG file of the given size: what a header says, with no pixels behind it. */
function pngHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(17);
  header.write('IHDR', 'latin1');
  header.writeUInt32BE(width, 4);
  header.writeUInt32BE(height, 8);
  header.set([8, 2, 0, 0, 0], 12);
  const chunk = Buffer.alloc(25);
  chunk.writeUInt32BE(13, 0);
  chunk.set(header, 4);
  chunk.writeUInt32BE(crc32(header), 21);
  const end = Buffer.from([0, 0, 0, 0, 0x49, 0x44, 0x41, 0x54, 0x35, 0xaf, 0x06, 0x1e]);
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk, end]);
}

describe('decodeImage', () => {
  it('gives a grey image of the right size as it is, in one channel or three', async () => {
    const values = Uint8Array.from({ length: 64 }, (_, i) => (i * 37) % 256);
    const file = await sharp(values, { raw: { width: 8, height: 8, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect([...(await decodeImage(file, 8, 1))]).toEqual([...values]);
    expect([...(await decodeImage(file, 8, 3))]).toEqual([...values].flatMap(value => [value, value, value]));
  });

  it("makes grey of colour as Pillow's convert('L') does", async () => {
    const pixels = Uint8Array.from({ length: 16 * 16 * 3 }, (_, i) => (i * 73 + (i >> 3)) % 256);
    const file = await sharp(pixels, { raw: { width: 16, height: 16, channels: 3 } })
      .png()
      .toBuffer();
    const grey = await decodeImage(file, 16, 1);
    for (let i = 0; i < 256; i++) {
      const [r, g, b] = pixels.subarray(i * 3, i * 3 + 3);
      expect(grey[i]).toBe(Math.floor((r! * 19595 + g! * 38470 + b! * 7471 + 32768) / 65536));
    }
  });

  it.each(['jpeg', 'png', 'webp', 'gif', 'tiff', 'avif'] as const)('reads %s', async format => {
    const file = await corners().toFormat(format, { quality: 100 }).toBuffer();
    expectNear(quarters(await decodeImage(file, 32, 3)), CORNERS, format === 'avif' ? 16 : 6);
  });

  it.each([
    [1, [0, 1, 2, 3]],
    [3, [3, 2, 1, 0]],
    [6, [2, 0, 3, 1]],
    [8, [1, 3, 0, 2]],
  ])('turns as EXIF orientation %i says', async (orientation, order) => {
    const file = await corners().withMetadata({ orientation }).jpeg({ quality: 100 }).toBuffer();
    const expected = order.map(i => CORNERS[i]!);
    expectNear(quarters(await decodeImage(file, 32, 3)), expected, 8);
  });

  it('stretches to a square', async () => {
    const wide = await corners().resize(64, 16, { fit: 'fill', kernel: 'nearest' }).png().toBuffer();
    expect(await readImageHeader(wide)).toEqual({ width: 64, height: 16, grey: false });
    expectNear(quarters(await decodeImage(wide, 32, 3)), CORNERS, 2);
  });

  it('puts what is transparent on white', async () => {
    const clear = { r: 10, g: 20, b: 30, alpha: 0 };
    const file = await sharp({ create: { width: 8, height: 8, channels: 4, background: clear } })
      .png()
      .toBuffer();
    expect(new Set(await decodeImage(file, 8, 3))).toEqual(new Set([255]));
  });

  it('brings 16 bits to 8', async () => {
    const values = Uint16Array.from({ length: 64 * 3 }, (_, i) => (i % 3) * 0x5500 + 0x1234);
    const file = await sharp(values, { raw: { width: 8, height: 8, channels: 3 } })
      .toColourspace('rgb16')
      .png()
      .toBuffer();
    expect((await sharp(file).metadata()).depth).toBe('ushort');
    const found = await decodeImage(file, 8, 3);
    for (let c = 0; c < 3; c++) expect(Math.abs(found[c]! - (c * 0x55 + 0x12))).toBeLessThanOrEqual(1);
  });

  it('brings CMYK to RGB', async () => {
    const file = await corners().toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer();
    expect((await sharp(file).metadata()).space).toBe('cmyk');
    const found = quarters(await decodeImage(file, 32, 3));
    // Ink reaches fewer colours than light: what must hold is which channels are bright.
    CORNERS.forEach((pixel, i) => {
      pixel.forEach((value, c) => {
        expect(found[i]![c]! > 128, `quarter ${i}, channel ${c}`).toBe(value > 128);
      });
    });
  });

  it('takes the first frame of an animation', async () => {
    const frames = [await plain([200, 0, 0], 16), await plain([0, 0, 200], 16)];
    for (const format of ['gif', 'webp'] as const) {
      const file = await sharp(frames, { join: { animated: true } })
        .toFormat(format, { lossless: true })
        .toBuffer();
      expect((await sharp(file).metadata()).pages).toBe(2);
      expect(await readImageHeader(file)).toMatchObject({ width: 16, height: 16 });
      expect([...(await decodeImage(file, 16, 3)).subarray(0, 3)]).toEqual([200, 0, 0]);
    }
  });

  it.each([
    ['an empty file', () => Buffer.alloc(0), 'the file is empty'],
    ['a file that is no image', () => Buffer.from('hello, this is text'), 'not an image file'],
    [
      'a drawing',
      () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>'),
      'not an image file',
    ],
    ['an enormous image', () => pngHeader(20_000, 20_000), '20000 x 20000 pixels; at most 50 million are decoded'],
    ['an image without its pixels', () => pngHeader(32, 32), /^cannot be decoded \(.+\)$/],
    [
      'half a JPEG file',
      async () => {
        const noise = Buffer.from(Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 251));
        const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
          .jpeg()
          .toBuffer();
        return whole.subarray(0, whole.length / 2);
      },
      /^cannot be decoded \(.+\)$/,
    ],
  ])('refuses %s', async (_, make, reason) => {
    const decoding = decodeImage(await make(), 32, 3);
    await expect(decoding).rejects.toThrow(reason);
    await expect(decoding).rejects.toBeInstanceOf(UnusableImage);
  });

  it.each([
    'vips_tracked: out of memory --- size == 600MB',
    'Input buffer has corrupt header: VipsJpeg: Insufficient memory (case 4)',
    'VipsJpeg: premature end of JPEG image\nvips_image_write_line: unable to create thread',
    'heif: Memory allocation error',
    'std::bad_alloc',
    'a fault that nobody has seen',
    '',
  ])('does not take it for damage: %s', message => {
    const fault = faultOf(new Error(message));
    expect(fault).not.toBeInstanceOf(UnusableImage);
    expect(fault.message).toContain('need not lie in the image: ');
  });

  it.each([
    'VipsJpeg: premature end of JPEG image',
    'Input buffer has corrupt header: \n',
    'Unknown error',
    'vipspng: libpng read error',
    'source: bad seek to 1000\nheif: Memory allocation error: Security limit exceeded: 1e9 items',
    'tiff2vips: Bogus marker length',
    'gifload_buffer: Invalid frame data',
    'webp2vips: unable to loop',
    "vips_colourspace: no known route from 'multiband' to 'srgb'",
  ])('takes it for damage: %s', message => {
    expect(faultOf(new Error(message))).toBeInstanceOf(UnusableImage);
  });

  it('knows grey images by their headers', async () => {
    expect((await readImageHeader(await plain(9))).grey).toBe(true);
    expect((await readImageHeader(await plain([9, 9, 9]))).grey).toBe(false);
    const turned = await corners().resize(20, 10).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(await readImageHeader(turned)).toMatchObject({ width: 10, height: 20 });
  });

  it('flattens onto white only what is transparent', async () => {
    const file = await sharp({
      create: { width: 8, height: 8, channels: 4, background: { ...WHITE, g: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer();
    const [r, g] = await decodeImage(file, 8, 3);
    expect([r, Math.abs(g! - 127) <= 1]).toEqual([255, true]);
  });

  it('leaves the readers of the process as they are in a worker, where others may be decoding', async () => {
    const operation = ['VipsForeignLoadPng'];
    const module = new URL('../../../dist/data/decode/image.js', import.meta.url).href;
    const file = await plain(9);
    sharp.block({ operation });
    try {
      const worker = new Worker(
        `const { parentPort, workerData } = require('node:worker_threads');
        import(workerData.module)
          .then(({ decodeImage }) => decodeImage(workerData.file, 8, 1))
          .then(() => 'decoded', error => error.message)
          .then(text => parentPort.postMessage(text));`,
        { eval: true, workerData: { module, file } },
      );
      const [text] = (await once(worker, 'message')) as [string];
      await worker.terminate();
      expect(text).toBe('not an image file');
    } finally {
      sharp.unblock({ operation });
    }
  });
});
