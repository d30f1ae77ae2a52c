// How fast the page classifies a camera here: `npm run bench:page -- --run <folder>`. Serves the run, opens the page in a
// headless Chromium whose camera shows a drawn face that moves, and reads the rates that the page tells, once a second.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { browserPath, openBrowser } from '../test/browser.js';
import { start } from '../test/cli/facegrad.js';
import { pictureWith } from '../test/faces/pictures.js';
import { writeVideo } from '../test/web/video.js';

/** Rates look back two seconds; what was compiled and started lies further back then. */
const WARM_UP = 4;

const { values } = parseArgs({
  options: {
    run: { type: 'string' },
    seconds: { type: 'string', default: '15' },
    /** Any other than SwiftShader is the machine's own. */
    adapter: { type: 'string', default: 'swiftshader' },
    faces: { type: 'string', default: '1' },
  },
});
if (values.run === undefined) throw new Error('give --run <folder>');
if (browserPath === undefined) throw new Error('no Chromium or Chrome is on the path, or in CHROMIUM');

const folder = await mkdtemp(join(tmpdir(), 'facegrad-speed-'));
const camera = join(folder, 'camera.y4m');
const places = [
  { number: 3, side: 200, x: 60, y: 120 },
  { number: 8, side: 170, x: 380, y: 60 },
];
await writeVideo(camera, pictureWith(640, 480, places.slice(0, Number(values.faces))), 60);
const serving = start(['serve', '--run', values.run, '--port', '0', '--json']);
await serving.printed('\n');
const { url } = JSON.parse(serving.outcome.stdout) as { url: string };
const browser = await openBrowser(
  '--enable-unsafe-webgpu',
  ...(values.adapter === 'swiftshader' ? ['--use-webgpu-adapter=swiftshader'] : []),
  ...['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'],
  `--use-file-for-fake-video-capture=${camera}`,
);
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, permissions: ['camera'] });
  await page.goto(url);
  await page.locator('.readiness').waitFor({ state: 'detached', timeout: 60_000 });
  console.log(await page.locator('.chip').innerText());
  await page.getByRole('tab', { name: 'Camera' }).click();
  await page.getByRole('button', { name: 'Start camera' }).click();
  await page.locator('.live-faces .bar-top').first().waitFor({ timeout: 60_000 });
  await page.waitForTimeout(1000 * WARM_UP);
  const told: number[][] = [];
  for (let second = 0; second < Number(values.seconds); second++) {
    await page.waitForTimeout(1000);
    told.push((await page.locator('.metric strong').allInnerTexts()).map(Number));
  }
  const mean = (k: number) => told.reduce((sum, rates) => sum + rates[k]!, 0) / told.length;
  console.log(
    `classified ${mean(0).toFixed(1)} frames a second, looked for faces ${mean(1).toFixed(1)} times, of a camera of ` +
      `${mean(2).toFixed(1)}; ${mean(3).toFixed(0)} ms from a frame to its labels`,
  );
} finally {
  await browser.close();
  serving.process.kill('SIGINT');
  await serving.ended;
  await rm(folder, { recursive: true, force: true });
}
