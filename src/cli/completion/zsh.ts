import { flatten, type CompletedCommand, type CompletedOption, type Values } from './tree.js';

/** A completion script for zsh, to be sourced after `compinit` or to lie as `_facegrad` in a folder of `$fpath`. */
export function zshCompletion(root: CompletedCommand): string {
  return `#compdef facegrad
# zsh completion for facegrad, written by \`facegrad completion zsh\`

${flatten(root).map(functionOf).join('\n\n')}

if [[ $funcstack[1] = _facegrad ]]; then
  _facegrad "$@"
else
  compdef _facegrad facegrad
fi
`;
}

function functionOf(command: CompletedCommand): string {
  const options = command.options.map(optionSpec);
  const name = functionName(command);
  if (command.commands.length === 0) {
    const argument = command.values ? [quoted(`*:${command.path.at(-1)!}:${action(command.values)}`)] : [];
    return [`${name}() {`, ...argumentsCall('_arguments -s', [...options, ...argument]), '}'].join('\n');
  }
  const children = command.commands.map(
    child => `    ${quoted(`${child.path.at(-1)!}:${child.summary.replaceAll(':', '\\:')}`)}`,
  );
  const cases = command.commands.map(child => `    ${child.path.at(-1)!}) ${functionName(child)} ;;`);
  const own = command.values ? [action(command.values).replace(/^\{|\}$/g, '')] : [];
  return [
    `${name}() {`,
    '  local curcontext=$curcontext state line',
    '  local -a commands',
    '  typeset -A opt_args',
    '  commands=(',
    ...children,
    '  )',
    ...argumentsCall('_arguments -s -C', [...options, quoted('1: :->first'), quoted('*:: :->rest')]),
    '  case $state in',
    `  first) _describe command commands${own.map(call => `; ${call}`).join('')} ;;`,
    '  rest)',
    '    case $line[1] in',
    ...cases,
    ...own.map(call => `    *) ${call} ;;`),
    '    esac ;;',
    '  esac',
    '}',
  ].join('\n');
}

function argumentsCall(call: string, specs: readonly string[]): string[] {
  return [`  ${call} \\`, ...specs.map((spec, i) => `    ${spec}${i < specs.length - 1 ? ' \\' : ''}`)];
}

/** `'*-h[show help]' '*--help[show help]'`. */
function optionSpec({ flags, description, values, placeholder, variadic, optional }: CompletedOption): string {
  const text = `[${description.replace(/[\\\][:]/g, '\\$&')}]`;
  // Words up to the next option, one word or none, one word.
  const prefix = variadic ? ':*-*:' : optional ? '::' : ':';
  const rest = values ? `${prefix}${placeholder}:${action(values)}` : '';
  // The star: zsh is not told which options may be given again.
  return flags.map(flag => quoted(`*${flag}${text}${rest}`)).join(' ');
}

function action({ words, paths }: Values): string {
  const calls = [
    ...(words.length > 0 ? [`compadd -- ${words.join(' ')}`] : []),
    ...(paths === undefined ? [] : [paths === 'files' ? '_files' : '_files -/']),
  ];
  return calls.length === 0 ? ' ' : `{${calls.join('; ')}}`;
}

function functionName({ path }: CompletedCommand): string {
  return `_${path.join('_').replaceAll('-', '_')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
