# shellcheck shell=bash
# A zip archive of a folder: the same files give the same bytes. Files are sorted by name, times are fixed, modes and
# links are kept, .git is left out. It only needs gzip, which uses the compression of zip archives.

# Adds numbers to $bytes, little-endian: BYTES NUMBER...
add_number() {
    local width=$1 number byte i
    shift
    for number; do
        for ((i = 0; i < width; i++)); do
            printf -v byte '\\x%02x' $((number >> 8 * i & 255))
            bytes+=$byte
        done
    done
}

# The modes of files, one per line, as octal numbers.
modes_of() {
    if stat --version >/dev/null 2>&1; then
        xargs -0 stat -c %a --
    else
        xargs -0 stat -f %Lp -- # macOS
    fi
}

# Creates $archive from the folder.
make_zip() {
    local LC_ALL=C file mode count=0 offset=0 total=0 bytes size packed sum method head data=$scratch/data
    local -a files=()
    archive=$scratch/function.zip
    while IFS= read -r file; do files+=("${file#./}"); done < <(
        cd "$dir" && find . -name .git -prune -o \( -type f -o -type l \) -print | LC_ALL=C sort)
    ((${#files[@]})) || die "the folder $dir is empty: there is nothing to send"
    ((${#files[@]} < 65536)) || die "the folder $dir has ${#files[@]} files, and a zip archive takes 65535: push an image"
    report "zipping ${#files[@]} files of $dir"
    : >"$archive"
    : >"$scratch/directory"
    while IFS= read -r mode; do
        file=${files[count]}
        count=$((count + 1))
        if [[ -L $dir/$file ]]; then
            mode=$((0120777))
            printf '%s' "$(readlink "$dir/$file")" >"$scratch/link"
            gzip -n -9 <"$scratch/link" >"$data"
        else
            [[ -r $dir/$file ]] || die "$dir/$file cannot be read (or its name has a line's end)"
            ((0$mode & 4)) || die "Lambda's user could not read $dir/$file, whose mode is $mode: chmod a+r '$dir/$file'"
            mode=$((0100000 | 0$mode))
            gzip -n -9 <"$dir/$file" >"$data"
        fi
        # gzip's output: a head of ten bytes, the data for the zip archive, checksum and size
        read -r sum size <<<"$(tail -c 8 "$data" | od -An -v -tu4 | tr -s ' ')"
        packed=$(($(wc -c <"$data") - 18)) method=8
        bytes=''
        add_number 2 20 2048 $method 0 33 # names in UTF-8; midnight of 1980-01-01
        add_number 4 "$sum" "$packed" "$size"
        add_number 2 ${#file} 0
        head=$bytes
        {
            printf 'PK\3\4'
            printf '%b%s' "$head" "$file"
            tail -c +11 "$data" | head -c "$packed"
        } >>"$archive"
        bytes=''
        add_number 2 0 0 0
        add_number 4 $((mode << 16)) "$offset"
        { printf 'PK\1\2\24\3'; printf '%b%b%s' "$head" "$bytes" "$file"; } >>"$scratch/directory"
        offset=$((offset + 30 + ${#file} + packed)) total=$((total + size))
    done < <(cd "$dir" && printf '%s\0' "${files[@]}" | modes_of)
    ((count == ${#files[@]})) || die "a file of $dir went away, or its name has a line's end: rename it"
    bytes=''
    add_number 2 0 0 $count $count
    add_number 4 "$(($(wc -c <"$scratch/directory")))" "$offset"
    add_number 2 0
    { cat "$scratch/directory"; printf 'PK\5\6'; printf '%b' "$bytes"; } >>"$archive"
    size=$(($(wc -c <"$archive")))
    ((size <= zip_limit && total <= unzipped_limit)) ||
        die "the folder $dir has $total bytes and $size zipped; Lambda takes $unzipped_limit and $zip_limit: leave files out, put modules into a layer, or push an image"
}

# The checksum of an archive, as Lambda stores it.
checksum_of_zip() {
    local sum bytes='' i
    sum=$({ sha256sum 2>/dev/null || shasum -a 256; } <"$archive")
    for ((i = 0; i < 64; i += 2)); do bytes+="\\x${sum:i:2}"; done
    printf '%b' "$bytes" | base64 | tr -d '\n'
}
