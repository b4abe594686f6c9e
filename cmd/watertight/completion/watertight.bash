# bash completion for watertight: source <(watertight completion bash)
_watertight() {
	local word=${COMP_WORDS[COMP_CWORD]} line
	[ "$word" = "=" ] && word=
	COMPREPLY=()
	# Not mapfile, which the bash of macOS does not have.
	while IFS= read -r line; do
		COMPREPLY+=("${line%%$'\t'*}")
	done < <("${COMP_WORDS[0]}" completion words -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null)
}
complete -o default -F _watertight watertight
