# Completions of onedge in bash: commands, flags, runs, keys of specs and their values.
_onedge() {
    local rest="${COMP_LINE}" word index=-1 words=()
    # Words of the line: bash has parted them at = and : too, where no blank is between.
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        local stripped="${rest#"${rest%%[![:space:]]*}"}"
        if [[ ${#words[@]} -gt 0 && "${stripped}" == "${rest}" && -n "${word}" ]]; then
            words[index]+="${word}"
        else
            words+=("${word}")
            index=$((index + 1))
        fi
        rest="${stripped#"${word}"}"
    done
    # What bash will replace is the end of the last word.
    local current="$2"
    [[ "${current}" == "=" || "${current}" == ":" ]] && current=""
    local before="${words[index]%"${current}"}"
    local IFS=$'\n' answers answer
    answers="$(COMPLETE=bash _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX="${index}" _CLAP_COMPLETE_COMP_TYPE=9 \
        _CLAP_COMPLETE_SPACE=false "${COMP_WORDS[0]}" -- "${words[@]}" 2> /dev/null)" || return
    COMPREPLY=()
    for answer in ${answers}; do
        # What ends like this goes on.
        [[ "${answer}" == *[=/] ]] && compopt -o nospace 2> /dev/null
        # Flags are offered where something was typed that may be no flag; they replace all of the word.
        [[ "${answer}" == "${before}"* ]] && COMPREPLY+=("${answer#"${before}"}")
    done
}
complete -o bashdefault -o default -F _onedge onedge
