import { Command } from 'commander';
import type { GrowingFile } from '../evaluate/predict/output.js';
import type { PredictOptions } from '../evaluate/predict/predict.js';
import type { FaceOptions } from '../evaluate/predict/subjects.js';
import type { RowFormatName } from '../evaluate/predict/rows.js';
import type { Precision } from '../gpu/matrices.js';
import { UserError } from '../util/errors.js';
import { parseClasses } from './classes.js';
import { exitCodes } from './errors.js';
import { explanationMethods, methodOption, requireLayered } from './explain-options.js';
import {
  addGpuOptions,
  addNormalisationOptions,
  integer,
  jsonDescription,
  number,
  precisionOption,
  type GpuOptions,
} from './options.js';
import { Interruption } from './signals.js';
import { StatusLine } from './status-line.js';
import { addTrainedOptions, readTrained, type TrainedFlags } from './trained-options.js';

interface Flags extends GpuOptions, TrainedFlags {
  faces?: true;
  scaleFactor?: number;
  minNeighbors?: number;
  minSize?: number;
  margin?: number;
  tta?: string;
  gradCam?: string;
  method?: (typeof explanationMethods)[number];
  layer?: string;
  classes?: number | string[];
  imageSize?: number;
  mean?: number[];
  std?: number[];
  batchSize: number;
  precision?: Precision;
  out?: string;
  json?: true;
  csv?: true;
}

export function predictCommand(exitWith: (code: number) => void): Command {
  const command = new Command('predict')
    .summary('classify images, or the faces in them')
    .description(
      'Classify images, or with --faces each face in them: one row with the probability of every class. An image in which ' +
        'no face is found is classified as a whole, and says so. What is told is how a face looks, not how somebody feels.',
    )
    .argument(
      '<images...>',
      'image files, folders, patterns in quotes, zip and tar archives; - is one image from standard input',
    );
  addTrainedOptions(command)
    .option('--faces', "find faces with OpenCV's Haar cascade, and classify each, the largest first")
    .option(
      '--scale-factor <x>',
      'with --faces: growth of the window from pass to pass (default: 1.1)',
      number('above 1, up to 4', x => x > 1 && x <= 4),
    )
    .option('--min-neighbors <n>', 'with --faces: windows that must agree on a face (default: 5)', integer(0, 1000))
    .option('--min-size <pixels>', 'with --faces: side of the smallest face (default: 30)', integer(1))
    .option(
      '--margin <share>',
      "with --faces: added on each side of a box, in the box's sides (default: 0)",
      number('from 0 to 2', x => x >= 0 && x <= 2),
    )
    .option('--tta <which>', 'mean over views of each image: flip, ten-crop, or ten-crop:<pixels>')
    .option('--grad-cam <folder>', 'write a picture of what spoke for the answer, for each row')
    .addOption(methodOption('with --grad-cam: how that is found (default: grad-cam)', explanationMethods))
    .option('--layer <name>', 'with --grad-cam: whose activations are shown (default: the last convolutional block)')
    .option(
      '--classes <names>',
      'names of the classes, between commas, where the weights do not tell them',
      parseClasses,
    )
    .option(
      '--image-size <pixels>',
      'side in which images are packed (default: that of the images in training)',
      integer(1, 4096),
    )
    .option('--batch-size <n>', 'images at a time', integer(1, 65_536), 64)
    .addOption(precisionOption('that of --run, else f32'));
  addNormalisationOptions(command, "the weights' own")
    .option('--out <file>', 'write the rows to a file; .json and .csv say the format')
    .option('--csv', 'a table as CSV')
    .option('--json', jsonDescription);
  addGpuOptions(command);
  command.addHelpText(
    'after',
    `
Exit codes: 0; 2 for faults in what was asked for; 3 where some images could
not be read (the others are done).

Examples:
  facegrad predict face.png --run runs/a
  facegrad predict holiday/ faces.zip "scans/*.tif" --run runs/a --csv
  facegrad predict photo.jpg --weights a.safetensors --faces --tta flip`,
  );
  return command.action(async (images: string[], flags: Flags) => {
    exitWith(await runPrediction(images, flags));
  });
}

/** Gives the exit code. */
async function runPrediction(paths: readonly string[], flags: Flags): Promise<number> {
  const format = formatOf(flags);
  requireFaces(flags);
  requireGradCam(flags);
  if (typeof flags.classes === 'number')
    throw new UserError('--classes: give the names of the classes, between commas');
  const trained = await readTrained(flags, 'predict');
  const { parseTta } = await import('../evaluate/tta.js');
  const tta = flags.tta === undefined ? undefined : parseTta(flags.tta);
  const { openInputs } = await import('../evaluate/predict/inputs.js');
  const { Predictor } = await import('../evaluate/predict/predict.js');
  const { openDeviceFor } = await import('../evaluate/trained.js');
  const { createOverlayFolder, GrowingFile: Growing, writeOverlay } = await import('../evaluate/predict/output.js');
  const { rowFormat } = await import('../evaluate/predict/rows.js');
  const status = new StatusLine();
  const inputs = await openInputs(paths, {
    ...(paths.includes('-') ? { stdin: process.stdin } : {}),
    onProgress: (fraction, text) => {
      status.update(text, fraction);
    },
  });
  const interruption = new Interruption(() => {
    console.error('\nfacegrad: stopping after the images under way');
  });
  const device = await openDeviceFor(trained, flags);
  let file: GrowingFile | undefined;
  let faces: FaceOptions | undefined;
  let unread = 0;
  try {
    if (flags.out !== undefined) file = await Growing.create(flags.out);
    if (flags.gradCam !== undefined) await createOverlayFolder(flags.gradCam);
    faces = await facesOf(flags);
    const options: PredictOptions = {
      ...{ mean: flags.mean, std: flags.std, imageSize: flags.imageSize, batchSize: flags.batchSize },
      ...{ classes: flags.classes, faces, tta, signal: interruption.signal },
      ...(flags.gradCam === undefined ? {} : { explain: { method: flags.method ?? 'grad-cam', layer: flags.layer } }),
      onProgress: done => {
        status.update(`classified ${done} of ${inputs.count} images`, done / inputs.count);
      },
    };
    const predictor = Predictor.place(device, trained, options);
    const rows = rowFormat(format, predictor.classes);
    const write = async (text: string) => {
      if (file) await file.write(text);
      else await print(text);
    };
    await write(rows.start);
    let written = 0;
    for await (const result of predictor.predict(inputs.images())) {
      status.clear();
      if ('error' in result) {
        unread++;
        console.error(`facegrad: ${result.file}: ${result.error}`);
        await write(rows.row(result, written++ === 0));
        continue;
      }
      const gradCam = flags.gradCam === undefined ? undefined : await writeOverlay(flags.gradCam, written + 1, result);
      await write(rows.row({ ...result, gradCam }, written++ === 0));
    }
    await write(rows.end);
    await file?.finish();
    predictor.dispose();
  } catch (error) {
    await file?.abort();
    throw error;
  } finally {
    status.clear();
    interruption.dispose();
    faces?.detector.dispose();
    await inputs.close();
    device.destroy();
  }
  if (unread > 0) console.error(`facegrad: ${unread} of ${inputs.count} images could not be read`);
  return interruption.exitCode ?? (unread > 0 ? exitCodes.incomplete : exitCodes.success);
}

/** Writes to standard output, and waits where its reader is slow. */
async function print(text: string): Promise<void> {
  if (!process.stdout.write(text)) await new Promise<void>(resolve => process.stdout.once('drain', resolve));
}

function formatOf({ json, csv, out }: Flags): RowFormatName {
  if (json && csv) throw new UserError('--json and --csv: give one of them');
  if (json) return 'json';
  if (csv) return 'csv';
  return /\.json$/i.test(out ?? '') ? 'json' : /\.csv$/i.test(out ?? '') ? 'csv' : 'text';
}

const FACE_FLAGS = {
  scaleFactor: '--scale-factor',
  minNeighbors: '--min-neighbors',
  minSize: '--min-size',
  margin: '--margin',
} as const;

function requireFaces(flags: Flags): void {
  if (flags.faces) return;
  for (const [key, flag] of Object.entries(FACE_FLAGS) as [keyof typeof FACE_FLAGS, string][]) {
    if (flags[key] !== undefined) throw new UserError(`${flag} says how faces are found: give --faces too`);
  }
}

function requireGradCam({ gradCam, method, layer }: Flags): void {
  if (gradCam === undefined) {
    if (method !== undefined || layer !== undefined) {
      throw new UserError(
        `--${method === undefined ? 'layer' : 'method'} says how pictures of --grad-cam <folder> are made: give it too`,
      );
    }
    return;
  }
  requireLayered(layer, method ?? 'grad-cam');
}

/** OpenCV starts only where faces are looked for: that takes a second or more. */
async function facesOf({ faces, scaleFactor, minNeighbors, minSize, margin }: Flags): Promise<FaceOptions | undefined> {
  if (!faces) return undefined;
  const { loadFaceDetector } = await import('../faces/node.js');
  return { detector: await loadFaceDetector(), scaleFactor, minNeighbors, minSize, margin };
}
