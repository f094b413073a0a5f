# Makes the root of a container; sourced by the script that enters it, in a mount namespace of its own.
# $S is an empty folder for layers; $R, below it, becomes the root; $SEALED collects what a read-only root seals.

make_root() {
    mount -t tmpfs -o mode=755 tmpfs "$S"
    R=$S/root
    mkdir "$S/upper" "$S/work" "$R"
    if mount -t overlay overlay -o "lowerdir=/,upperdir=$S/upper,workdir=$S/work" "$R" 2>/dev/null; then
        SEALED=$R
        add_other_disks
    else
        make_root_by_folders
    fi
    mount --rbind /dev "$R/dev"
    mount --rbind /sys "$R/sys"
    mount -t proc proc "$R/proc"
}

# Real file systems besides the root's, which an overlay of / does not show. The list is taken before it grows.
add_other_disks() {
    awk '$1 ~ "^/dev/" && $2 != "/" { print $2 }' /proc/self/mounts > "$S/disks"
    while read -r folder; do
        if [ -d "$folder" ] && mkdir -p "$R$folder"; then
            mount --bind "$folder" "$R$folder" || echo "the container does not see $folder"
        fi
    done < "$S/disks"
}

# People who are not root may not overlay a tree with other mounts in it: so each folder of / by itself,
# and those with mounts inside are shared with the machine as they are.
make_root_by_folders() {
    mount -t tmpfs -o mode=755 tmpfs "$R"
    SEALED=$R
    for entry in /*; do
        name=${entry#/}
        if [ -L "$entry" ]; then
            ln -s "$(readlink "$entry")" "$R/$name"
        elif [ -d "$entry" ]; then
            mkdir "$R/$name"
            case $name in proc | sys | dev) continue ;; esac
            mkdir -p "$S/uppers/$name" "$S/works/$name"
            layers=lowerdir=$entry,upperdir=$S/uppers/$name,workdir=$S/works/$name
            if mount -t overlay overlay -o "$layers" "$R/$name" 2>/dev/null; then
                SEALED="$SEALED $R/$name"
            else
                mount --rbind "$entry" "$R/$name"
            fi
        fi
    done
}

# write_file PATH TEXT
write_file() {
    rm -f "$R$1"
    printf %s "$2" > "$R$1"
}

# add_folder SOURCE PATH and add_file SOURCE PATH: links on the way to PATH, such as /var/run, are the root's own.
add_folder() {
    T=$R$(chroot "$R" /bin/sh -c 'mkdir -p "$0" && cd "$0" && pwd -P' "$2")
    mount --bind "$1" "$T"
}

add_file() {
    T=$R$(chroot "$R" /bin/sh -c 'mkdir -p "$0" && cd "$0" && pwd -P' "$(dirname "$2")")/$(basename "$2")
    touch "$T"
    mount --bind "$1" "$T"
}

seal() {
    for each in $SEALED; do
        mount -o remount,ro "$each"
    done
}
