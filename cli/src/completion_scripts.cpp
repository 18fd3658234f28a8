#include "completion_scripts.hpp"

namespace pharox::cli {
namespace {

// Where pharox has no candidates, each shell completes names of files.

constexpr std::string_view bash = R"(# bash completion for pharox
_pharox() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        printf -v line '%q' "${line%%$'\t'*}"
        COMPREPLY+=("$line")
    done < <(pharox __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F _pharox pharox
)";

constexpr std::string_view zsh = R"(#compdef pharox
# zsh completion for pharox
_pharox() {
    local line
    local -a names shown
    for line in "${(@f)$(pharox __complete "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        names+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  }")
    done
    if (( $#names )); then
        compadd -l -d shown -a names
    else
        _files
    fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _pharox "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
    compdef _pharox pharox
fi
)";

constexpr std::string_view fish = R"(# fish completion for pharox
function __pharox_complete
    set -l words (commandline -opc)
    set -l found (pharox __complete $words[2..-1] (commandline -ct) 2>/dev/null)
    if set -q found[1]
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c pharox -f -a '(__pharox_complete)'
)";

}  // namespace

std::string_view completion_script(std::string_view shell) {
    if (shell == "bash") return bash;
    if (shell == "zsh") return zsh;
    return shell == "fish" ? fish : std::string_view();
}

}  // namespace pharox::cli
