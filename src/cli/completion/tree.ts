import type { Command, Option } from 'commander';

/** What a shell may offer for a value. */
export interface Values {
  /** Whole words. */
  readonly words: readonly string[];
  /** Whether paths are offered too, or only those of folders. */
  readonly paths?: 'files' | 'folders';
}

export interface CompletedOption {
  /** `-V` and `--version`; of a negated option `--no-…` alone. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Absent where the option takes no value. */
  readonly values?: Values;
  /** What the value is called in the help text. */
  readonly placeholder: string;
  /** Takes words until the next option. */
  readonly variadic: boolean;
  /** May stand without its value, or be given several times. */
  readonly optional: boolean;
}

/** A command of the tree: what may follow its name. */
export interface CompletedCommand {
  /** From the program's own name on, `facegrad data info`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly commands: readonly CompletedCommand[];
  readonly options: readonly CompletedOption[];
  /** Of the command's own arguments; absent where it has none. */
  readonly values?: Values;
}

/** Names that are known only at run time, by the option or argument that takes them. */
export interface KnownNames {
  readonly models: readonly string[];
  readonly recipes: readonly string[];
  readonly studies: readonly string[];
  readonly augmentations: readonly string[];
  readonly schedulers: readonly string[];
}

/** The tree below `command` as the help texts show it, with every value that can be known ahead. */
export function completionTree(command: Command, names: KnownNames, above: readonly string[] = []): CompletedCommand {
  const help = command.createHelp();
  const path = [...above, command.name()];
  const children = help.visibleCommands(command);
  const commands = children.map(child => completionTree(child, names, path));
  const summary = command.summary() || command.description();
  const options = help.visibleOptions(command).map(option => completedOption(option, names));
  if (command.name() === 'help' && above.length > 0) {
    // Commander's own: it takes the name of a command beside it.
    const beside = (command.parent?.commands ?? []).map(one => one.name());
    return { path, summary, commands, options, values: { words: beside } };
  }
  const [argument] = command.registeredArguments;
  if (argument === undefined) return { path, summary, commands, options };
  const key = `${path.slice(1).join(' ')} <${argument.name()}>`;
  const words = argument.argChoices ?? wordsOf(key, names);
  return { path, summary, commands, options, values: { words, ...pathsOf(key, argument.name()) } };
}

function completedOption(option: Option, names: KnownNames): CompletedOption {
  const placeholder = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1] ?? '';
  const takesValue = option.required || option.optional;
  const long = option.long ?? option.short!;
  return {
    flags: [option.short, option.long].filter(flag => flag !== undefined),
    description: option.description,
    placeholder,
    variadic: option.variadic,
    optional: option.optional,
    ...(takesValue && {
      values: { words: option.argChoices ?? wordsOf(long, names), ...pathsOf(long, placeholder) },
    }),
  };
}

/** By option, or by command and argument. */
function wordsOf(key: string, names: KnownNames): readonly string[] {
  switch (key) {
    case '--model':
    case 'train <model>':
    case 'lr-find <model>':
    case 'profile <model>':
    case 'models <names>':
      return names.models;
    case '--recipe':
    case '--recipes':
    case 'recipes <name>':
      return names.recipes;
    case '--study':
      return names.studies;
    case '--augment':
      return names.augmentations;
    case '--scheduler':
      return names.schedulers;
    case '--data':
    case '--to':
    case '--joint-data':
      return ['synthetic'];
    default:
      return [];
  }
}

/** A name of a recipe or an augmentation may also be the path of a file. */
const namesOrFiles = new Set(['--recipe', '--recipes', '--study', '--augment', 'recipes <name>']);
const folders = new Set(['folder', 'folders', 'run', 'runs']);
const files = new Set(['file', 'path', 'list', 'weights', 'from', 'to', 'image', 'images', 'checkpoint', 'study']);

function pathsOf(key: string, placeholder: string): Pick<Values, 'paths'> {
  if (key === '--name') return {};
  if (folders.has(placeholder)) return { paths: 'folders' };
  return files.has(placeholder) || namesOrFiles.has(key) ? { paths: 'files' } : {};
}

/** The tree as a list, each command before those below it. */
export function flatten(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.commands.flatMap(flatten)];
}
