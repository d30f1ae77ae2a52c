import { Command, Option } from 'commander';
import { jsonDescription, oneOf } from './options.js';

const dtypes = ['f32', 'f16', 'bf16'] as const;

interface Flags {
  dtype?: (typeof dtypes)[number];
  force?: true;
  json?: true;
}

export function convertCommand(): Command {
  return new Command('convert')
    .summary('weights of PyTorch to safetensors')
    .description(
      "Write the weights of a .pth or .pt file of PyTorch's torch.save, or of a safetensors file, to a safetensors file. " +
        'Of a checkpoint the state dict is taken, and `module.` is left out of its names. Nothing in the file is executed.',
    )
    .argument('<from>', 'weights to read; the content tells the format')
    .argument('<to>', 'safetensors file to write')
    .addOption(
      new Option('--dtype <type>', 'round weights to this type (default: each keeps its own)')
        .choices(dtypes)
        .argParser(oneOf(dtypes)),
    )
    .option('--force', 'replace the file that is there')
    .option('--json', jsonDescription)
    .addHelpText(
      'after',
      `
Examples:
  facegrad convert resnet18.pth resnet18.safetensors
  facegrad convert runs/a/best.safetensors small.safetensors --dtype f16`,
    )
    .action(async (from: string, to: string, { dtype, force, json }: Flags) => {
      const { convertWeights } = await import('../train/weights/convert.js');
      const upper = dtype && (dtype.toUpperCase() as Uppercase<typeof dtype>);
      const result = await convertWeights(from, to, { dtype: upper, force });
      const { tensors, values, bytes } = result;
      console.log(json ? JSON.stringify(result) : `${to}: ${tensors} tensors, ${values} values, ${bytes} bytes`);
    });
}
