# Functions that the scripts share. Source it; it moves to the root of the repository.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

vm_dir=$PWD/target/vm
rust_needed=1.89
qemu_versions=(7.2 10.0 11.1)

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Package lists may be missing on a fresh machine; apt then finds nothing.
refresh_lists_once() {
    find /var/lib/apt/lists -name '*Packages*' 2>/dev/null | grep -q . || as_root apt-get update
}

install_packages() { # NAME...
    local missing=()
    for name in "$@"; do
        dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || missing+=("$name")
    done
    [ ${#missing[@]} = 0 ] && return
    say "installing ${missing[*]}"
    refresh_lists_once
    # A list can be older than the mirror: fetch it anew before giving up.
    install() { as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; }
    install || { as_root apt-get update && install; }
}

rust_is_new_enough() {
    local version
    version=$(cargo --version 2>/dev/null | cut -d' ' -f2) && [ -n "$version" ] || return 1
    printf '%s\n%s\n' "$rust_needed" "$version" | sort -VC
}

# The Debian mirror that this machine itself uses.
debian_mirror() {
    local mirror
    refresh_lists_once
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Codename: bookworm' | sed -n 1p)
    [ -n "$mirror" ] || die "apt on this machine has no source for Debian 12 (bookworm) main: add one and run 'apt-get update'"
    printf '%s\n' "$mirror"
}

# An apt with its own sources, lists and empty dpkg status: it resolves packages of any suite without touching the machine.
# Needs no root. After it, call `private_apt get ...` or `private_apt cache ...`.
private_apt_open() { # DIR SUITE...
    local dir=$1 mirror
    shift
    mirror=$(debian_mirror)
    mkdir -p "$dir"/lists/partial "$dir"/cache/archives/partial "$dir"/preferences.d
    : >"$dir/status"
    for suite in "$@"; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
    done >"$dir/sources.list"
    cat >"$dir/apt.conf" <<CONF
Dir::Etc::SourceList "$dir/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "$dir/preferences";
Dir::Etc::PreferencesParts "$dir/preferences.d";
Dir::State "$dir";
Dir::State::Lists "$dir/lists";
Dir::State::Status "$dir/status";
Dir::Cache "$dir/cache";
Acquire::Check-Valid-Until "false";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
APT::Install-Recommends "false";
APT::Sandbox::User "";
Debug::NoLocking "true";
CONF
    private_apt_dir=$dir
    private_apt get -qq update
}

private_apt() { # get|cache ARGUMENT...
    local tool=apt-$1
    shift
    APT_CONFIG=$private_apt_dir/apt.conf "$tool" "$@"
}

# KVM that is more than an emulation: some machines offer it without the processor's help, and no ordinary kernel boots with that.
kvm_works() {
    [ -r /dev/kvm ] && [ -w /dev/kvm ] && grep -qE '^flags.* (vmx|svm)( |$)' /proc/cpuinfo
}

# A command that starts a program of this tree, or one of ours, with the tree's libraries, from anywhere, without root.
write_command() { # TREE NAME PROGRAM ARGUMENT...: words that start with $ are the command's own
    local tree=$1 name=$2
    shift 2
    cat >"$tree/$name" <<COMMAND
#!/bin/sh
tree=\$(dirname "\$(readlink -f "\$0")")
lib=usr/lib/x86_64-linux-gnu
export QEMU_MODULE_DIR="\$tree/\$lib/qemu"
for loader in "\$tree/lib64/ld-linux-x86-64.so.2" "\$tree/usr/lib64/ld-linux-x86-64.so.2"; do
    [ -e "\$loader" ] && break
done
exec "\$loader" --library-path "\$tree/\$lib:\$tree/lib/x86_64-linux-gnu" $* "\$@"
COMMAND
    chmod +x "$tree/$name"
}

# The description of a tree's own Vulkan driver, for the loader: NAME.json.
write_driver() { # TREE PLACE-THAT-IT-GOES-TO NAME
    printf '{"file_format_version": "1.0.1", "ICD": {"library_path": "%s", "api_version": "1.4.304"}}\n' \
        "$2/usr/lib/x86_64-linux-gnu/libvulkan_$3.so" >"$1/$3.json"
}

# Unpacks packages and all that they need, of the last suite where they differ, into a folder of their own.
unpack_tree() { # FOLDER PIN PACKAGE... -- SUITE...
    local work=$1 pin=$2 packages=() archive
    shift 2
    while [ "$1" != -- ]; do packages+=("$1") && shift; done
    shift
    rm -rf "$work"
    mkdir -p "$work"
    printf 'Package: %s\nPin: release n=%s\nPin-Priority: 990\n' "$pin" "${@: -1}" >"$work/preferences"
    private_apt_open "$work" "$@"
    private_apt get -qq -y --download-only install "${packages[@]}"
    for archive in "$work"/cache/archives/*.deb; do
        dpkg-deb -x "$archive" "$work/tree"
    done
}
