import { writeFile } from 'node:fs/promises';
import type { Picture } from '../../src/faces/box.js';

/** Writes a grey picture as a video of so many frames, which move it a little, in the form that Chromium's fake camera reads. */
export async function writeVideo(path: string, { data, width, height }: Picture, frames: number): Promise<void> {
  const colour = Buffer.alloc((width / 2) * (height / 2), 128);
  const parts: Uint8Array[] = [Buffer.from(`YUV4MPEG2 W${width} H${height} F30:1 Ip A1:1 C420jpeg\n`)];
  for (let frame = 0; frame < frames; frame++) {
    // To the right and back, a pixel a frame.
    const shift = Math.min(frame, frames - frame);
    const moved = Uint8Array.from(data, (_, i) => data[i - Math.min(shift, i % width)]!);
    parts.push(Buffer.from('FRAME\n'), moved, colour, colour);
  }
  await writeFile(path, Buffer.concat(parts));
}
