import { Argument, Command } from 'commander';
import type { CompletedCommand, KnownNames } from './completion/tree.js';
import { oneOf } from './options.js';

const shells = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof shells)[number];

export function completionCommand(): Command {
  const command = new Command('completion')
    .summary('print completions for bash, zsh or fish')
    .description(
      'Print a script that lets a shell complete commands, options, and the names of models, recipes and the like. Print it ' +
        'again after an update.',
    )
    .addArgument(new Argument('<shell>', 'which shell').choices(shells).argParser(oneOf(shells)))
    .addHelpText(
      'after',
      `
Examples:
  source <(facegrad completion bash)   # in ~/.bashrc
  source <(facegrad completion zsh)    # in ~/.zshrc, after compinit
  facegrad completion fish > ~/.config/fish/completions/facegrad.fish`,
    );
  return command.action(async (shell: Shell) => {
    const { completionTree } = await import('./completion/tree.js');
    const root = command.parent!;
    process.stdout.write(await scriptOf(shell, completionTree(root, await knownNames())));
  });
}

async function scriptOf(shell: Shell, tree: CompletedCommand): Promise<string> {
  switch (shell) {
    case 'bash':
      return (await import('./completion/bash.js')).bashCompletion(tree);
    case 'zsh':
      return (await import('./completion/zsh.js')).zshCompletion(tree);
    case 'fish':
      return (await import('./completion/fish.js')).fishCompletion(tree);
  }
}

async function knownNames(): Promise<KnownNames> {
  const { modelRegistry } = await import('../nn/index.js');
  const { recipeNames } = await import('../train/recipes/index.js');
  const { studyNames } = await import('../train/study/read.js');
  const { schedulerNames } = await import('../train/schedulers/index.js');
  const { augmentPresets } = await import('./augment-option.js');
  return {
    models: Object.keys(modelRegistry),
    recipes: await recipeNames(),
    studies: await studyNames(),
    augmentations: augmentPresets,
    schedulers: schedulerNames,
  };
}
