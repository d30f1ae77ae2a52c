import { Command, Option } from 'commander';
import type { ExportRequest } from '../export/index.js';
import { UserError } from '../util/errors.js';
import { parseClasses } from './classes.js';
import { addGpuOptions, addNormalisationOptions, integer, jsonDescription, oneOf, type GpuOptions } from './options.js';
import { exportLines, type ExportReport } from './report/export.js';
import { addTrainedOptions, readTrained, type TrainedFlags } from './trained-options.js';

interface Flags extends TrainedFlags, GpuOptions {
  opset: number;
  foldBatchNorm?: true;
  preprocess?: 'uint8' | 'float';
  classes?: number | string[];
  mean?: number[];
  std?: number[];
  out: string;
  force?: true;
  check?: true;
  json?: true;
}

const imageValues = ['uint8', 'float'] as const;

export function exportCommand(): Command {
  const command = new Command('export')
    .summary('write a network as an ONNX file')
    .description(
      'Write the best weights of a run, or weights from a file, as a network in the ONNX format, for any size of the ' +
        'batch. The file names the classes and the normalisation in its metadata. Needs no GPU, but for --check.',
    );
  addTrainedOptions(command)
    // Names of src/export/onnx, which is not loaded for help.
    .option('--opset <n>', "version of ONNX's operators, from 17 to 23", integer(17, 23), 17)
    .option('--fold-batch-norm', 'make batch normalisations part of the layers before them')
    .addOption(
      new Option(
        '--preprocess [values]',
        'let the file take images of any size: uint8 (0 to 255) or float (0 to 1); it resizes and normalises them, and ' +
          'repeats grey ones (default without a word: uint8)',
      )
        .choices(imageValues)
        .argParser(oneOf(imageValues))
        .preset('uint8'),
    )
    .option('--classes <which>', 'classes of the weights: how many, or their names between commas', parseClasses);
  addNormalisationOptions(command, "the weights' own")
    .option('--out <file>', 'the file to write', 'model.onnx')
    .option('--force', 'replace the file that is there')
    .option('--check', 'run random images through onnxruntime-node and through our network before the file is written')
    .option('--json', jsonDescription);
  addGpuOptions(command).addHelpText(
    'after',
    `
Examples:
  facegrad export --run runs/a --out a.onnx
  facegrad export --run runs/a --fold-batch-norm --preprocess --check
  facegrad export --weights resnet18.safetensors --model resnet18 --opset 20`,
  );
  return command.action(runExport);
}

async function runExport(flags: Flags): Promise<void> {
  const { out, check, json, opset, foldBatchNorm, preprocess, classes, mean, std } = flags;
  const { kindOf, writeFileAtomic } = await import('../train/files.js');
  const there = await kindOf(out);
  if (there === 'folder') throw new UserError(`--out ${out} is a folder; name a file`);
  if (there === 'file' && !flags.force) {
    throw new UserError(`--out ${out} is there already: replace it with --force, or choose another name`);
  }
  const trained = await readTrained(flags, 'export');
  const { exportTrained } = await import('../export/index.js');
  const { packageVersion } = await import('./version.js');
  const request: ExportRequest = { opset, foldBatchNorm, preprocess, classes, mean, std, version: packageVersion() };
  const { bytes, model, parameters, alsoDone } = await exportTrained(trained, request);
  for (const what of alsoDone) console.error(`facegrad: images also had ${what}; the file does not do that`);

  const comparison = check ? await compare(bytes) : undefined;
  await writeFileAtomic(out, bytes);
  const { graph, metadata } = model;
  const report: ExportReport = {
    ...{ file: out, model: trained.model.model, opset, foldBatchNorm: foldBatchNorm === true, parameters },
    ...{ nodes: graph.nodes.length, bytes: bytes.length, inputs: graph.inputs, outputs: graph.outputs, metadata },
    ...(comparison ? { check: comparison } : {}),
  };
  console.log(json ? JSON.stringify(report) : exportLines(report).join('\n'));

  async function compare(file: Uint8Array) {
    const { compareWithOnnxRuntime } = await import('../export/onnxruntime.js');
    const { openDeviceFor } = await import('../evaluate/trained.js');
    // In single precision, as the file is.
    const device = await openDeviceFor(trained, { ...flags, precision: 'f32' });
    try {
      const result = await compareWithOnnxRuntime(file, trained, request, device);
      const { difference, tolerance } = result;
      if (!(difference <= tolerance)) {
        throw new Error(
          `the export gives other logits than the network: they differ by ${difference}; nothing is written`,
        );
      }
      return result;
    } finally {
      device.destroy();
    }
  }
}
