import { flatten, type CompletedCommand, type CompletedOption, type Values } from './tree.js';

/** A completion script for fish 3 and later. */
export function fishCompletion(root: CompletedCommand): string {
  const commands = flatten(root);
  const parents = commands.filter(({ commands }) => commands.length > 0);
  const deeper = parents.flatMap(({ commands }) => commands.map(({ path }) => quoted(path.join(' '))));
  const valued = parents.flatMap(({ path, options }) =>
    options
      .filter(({ values }) => values)
      .flatMap(({ flags }) => flags.map(flag => quoted(`${path.join(' ')} ${flag}`))),
  );
  return `# fish completion for facegrad, written by \`facegrad completion fish\`

# The command that the line has come to, such as 'facegrad data info'.
function __facegrad_path
  set -l path facegrad
  set -l skip 0
  set -l given (commandline -opc)
  for word in $given[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch "$path $word"
      case ${deeper.join(' ')}
        set path "$path $word"
${valued.length > 0 ? `      case ${valued.join(' ')}\n        set skip 1\n` : ''}    end
  end
  echo $path
end

function __facegrad_at
  test (__facegrad_path) = "$argv[1]"
end

complete -c facegrad -f
${commands.flatMap(linesOf).join('\n')}
`;
}

function linesOf({ path, commands, options, values }: CompletedCommand): string[] {
  const at = `complete -c facegrad -n ${quoted(`__facegrad_at ${quoted(path.join(' '))}`)}`;
  return [
    ...commands.map(child => `${at} -a ${quoted(child.path.at(-1)!)} -d ${quoted(child.summary)}`),
    ...(values ? [`${at}${valuesText(values)}`] : []),
    ...options.map(option => `${at} ${optionText(option)} -d ${quoted(option.description)}`),
  ];
}

function optionText({ flags, values }: CompletedOption): string {
  const names = flags.map(flag => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`)).join(' ');
  return values ? `${names} -r${values.paths === 'files' ? '' : ' -f'}${valuesText(values)}` : names;
}

function valuesText({ words, paths }: Values): string {
  const list = [...words, ...(paths === 'folders' ? ['(__fish_complete_directories)'] : [])];
  return `${paths === 'files' ? ' -F' : ''}${list.length > 0 ? ` -a ${quoted(list.join(' '))}` : ''}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
