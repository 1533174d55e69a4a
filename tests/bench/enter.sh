#!/bin/sh
# enter.sh TREE FOLDER PROGRAM ARGUMENT...: runs a program in a tree of another suite, with /tmp of this host and one
# of its folders at /mnt. In a mount namespace of its own, so nothing stays.
set -e
tree=$1 folder=$2
shift 2
[ "$(id -u)" = 0 ] || root=--map-root-user
# shellcheck disable=SC2016
exec unshare $root --mount sh -c '
    tree=$1 folder=$2
    shift 2
    for shared in proc sys dev tmp; do mount --rbind "/$shared" "$tree/$shared"; done
    mount --bind "$folder" "$tree/mnt"
    exec chroot "$tree" "$@"' sh "$tree" "$folder" "$@"
