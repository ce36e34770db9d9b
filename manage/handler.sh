# shellcheck shell=bash
# The files that a handler needs, by its text alone; the runtime itself checks the rest.

# Whether this is a PowerShell handler.
is_powershell() {
    local handler=${FUNCTION_HANDLER-} module
    case $handler in
        "'"* | *'('* | '') return 1 ;;
        *.ps1 | *.ps1::* | *.psm1.* | *.psd1.* | *.psm1::* | *.psd1::*) return 0 ;;
        *.lisp.* | *.fasl.* | *.sh.*) return 1 ;;
    esac
    module=${handler%%::*}
    [[ $module != "$handler" ]] || module=${handler%.*}
    [[ -e $dir/$module.ps1 || -e $dir/$module.psm1 || -e $dir/$module.psd1 || -d $dir/$module || -d $dir/modules/$module ]] &&
        [[ ! -e $dir/$module.sh ]]
}

# Whether this is a Common Lisp handler.
is_lisp() {
    local handler=${FUNCTION_HANDLER-} stem
    case $handler in
        "'"* | *'('* | *.ros | *.lisp | *.lisp.* | *.fasl.*) return 0 ;;
    esac
    stem=${handler%.*}
    [[ -e $dir/$stem.lisp || -e $dir/$stem.fasl ]] && [[ ! -e $dir/$stem.sh && ! -e $dir/$handler ]]
}

# COMMAND: ends if the folder, which becomes the task root, has no file for the handler. A module may be in the image.
check_handler() {
    local command=$1 handler=${FUNCTION_HANDLER-} stem extension said=''
    if [[ -z $handler ]]; then
        # a Dockerfile has its own command
        [[ $command == deploy && ! -f $dir/Dockerfile ]] || return 0
        handler=$(plain Command)
        handler=${handler:-function.handler}
        said=', which is the command of the image: name yours with --handler'
        local FUNCTION_HANDLER=$handler
    fi
    case $handler in "'"* | *'('* | *::*) return 0 ;; esac
    ! is_powershell || [[ $handler == *.ps1 ]] || return 0
    stem=${handler%.*}
    [[ ! -f $dir/$handler && ! -f $dir/$handler.ps1 && ! -f $dir/$stem ]] || return 0
    for extension in sh lisp fasl; do
        [[ ! -f $dir/$stem.$extension ]] || return 0
    done
    die "the folder $dir has no file for the handler $handler$said: neither $handler nor $stem.sh, $stem.lisp or $stem.psm1"
}
