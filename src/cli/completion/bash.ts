import { flatten, type CompletedCommand, type Values } from './tree.js';

/** A completion script for bash 3.2 and later; needs no bash-completion. */
export function bashCompletion(root: CompletedCommand): string {
  const commands = flatten(root);
  const tables = commands.flatMap(({ path, commands, options }) => [
    `    ${quoted(path.join(' '))})`,
    `      commands=${quoted(commands.map(child => child.path.at(-1)!).join(' '))}`,
    `      options=${quoted(options.flatMap(({ flags }) => flags).join(' '))}`,
    `      valued=${quoted(
      options
        .filter(({ values }) => values)
        .flatMap(({ flags }) => flags)
        .join(' '),
    )}`,
    `      variadic=${quoted(
      options
        .filter(({ variadic }) => variadic)
        .flatMap(({ flags }) => flags)
        .join(' '),
    )} ;;`,
  ]);
  const values = commands.flatMap(({ path, options, values }) => [
    ...options.flatMap(({ flags, values }) =>
      values
        ? [
            valuesCase(
              flags.map(flag => `${path.join(' ')} ${flag}`),
              values,
            ),
          ]
        : [],
    ),
    ...(values ? [valuesCase([`${path.join(' ')} <>`], values)] : []),
  ]);
  return `# bash completion for facegrad, written by \`facegrad completion bash\`

_facegrad_table() {
  commands= options= valued= variadic=
  case $1 in
${tables.join('\n')}
  esac
}

_facegrad_values() {
  words= paths=
  case $1 in
${values.filter(Boolean).join('\n')}
  esac
}

_facegrad_has() {
  case " $1 " in *" $2 "*) return 0 ;; esac
  return 1
}

_facegrad() {
  local cur=\${COMP_WORDS[COMP_CWORD]} path=facegrad open= word i last=$COMP_CWORD line
  local commands options valued variadic words paths
  COMPREPLY=()
  # bash makes three words of --option=value.
  if [ "$cur" = = ]; then
    cur= open=\${COMP_WORDS[COMP_CWORD - 1]} last=$((COMP_CWORD - 1))
  elif [ "$COMP_CWORD" -ge 2 ] && [ "\${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
    open=\${COMP_WORDS[COMP_CWORD - 2]} last=$((COMP_CWORD - 2))
  fi
  local given=$open
  open=
  _facegrad_table "$path"
  for ((i = 1; i < last; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
    =) continue ;;
    -*)
      open=
      if _facegrad_has "$valued" "$word"; then open=$word; fi
      continue ;;
    esac
    if [ -n "$open" ]; then
      _facegrad_has "$variadic" "$open" || open=
    elif _facegrad_has "$commands" "$word"; then
      path="$path $word"
      _facegrad_table "$path"
    fi
  done
  if [ -n "$given" ]; then
    _facegrad_values "$path $given"
  elif [ "\${cur:0:1}" = - ]; then
    words=$options
  elif [ -n "$open" ]; then
    _facegrad_values "$path $open"
  else
    _facegrad_values "$path <>"
    words="$commands $words"
  fi
  local IFS=$'\\n'
  case $paths in
  files) COMPREPLY=($(compgen -f -- "$cur")) ;;
  folders) COMPREPLY=($(compgen -d -- "$cur")) ;;
  esac
  if [ -n "$paths" ]; then compopt -o filenames 2>/dev/null; fi
  IFS=$' \\t\\n'
  for line in $(compgen -W "$words" -- "$cur"); do COMPREPLY+=("$line"); done
}

complete -F _facegrad facegrad
`;
}

function valuesCase(keys: readonly string[], { words, paths }: Values): string {
  if (words.length === 0 && paths === undefined) return '';
  const assignments = [
    ...(words.length > 0 ? [`words=${quoted(words.join(' '))}`] : []),
    ...(paths === undefined ? [] : [`paths=${paths}`]),
  ];
  return `    ${keys.map(quoted).join(' | ')}) ${assignments.join(' ')} ;;`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
