# fish completion for watertight: put it into ~/.config/fish/completions.
function __watertight_words
	set -l words (commandline -opc)
	set -l last (commandline -ct)
	$words[1] completion words -- $words[2..-1] "$last" 2>/dev/null
end
# Without -f where there is nothing to offer: fish then completes files.
complete -c watertight -n 'test -n "$(__watertight_words)"' -f -a '(__watertight_words)'
