#compdef watertight
# zsh completion for watertight: put it into a folder of $fpath, as _watertight.
_watertight() {
	local -a found
	local word text
	while IFS=$'\t' read -r word text; do
		found+=("${word//:/\\:}${text:+:$text}")
	done < <("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2>/dev/null)
	if (( $#found )); then
		_describe watertight found
	else
		_files
	fi
}
if [ "$funcstack[1]" = _watertight ]; then
	_watertight "$@"
else
	compdef _watertight watertight
fi
