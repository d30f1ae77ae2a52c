#!/bin/sh
# Starts facegrad with the Node and the Vulkan loader that lie beside this file. Give it facegrad's arguments.

# Written by scripts/bundle.sh: what the binaries in here ask of the system.
GLIBC=GLIBC_2.34
GLIBCXX=GLIBCXX_3.4.30

fail() {
  echo "facegrad: $*" >&2
  exit 1
}

[ "$(uname -sm)" = 'Linux x86_64' ] || fail "this bundle is for x86-64 Linux; this machine is $(uname -sm)"

self=$(readlink -f "$0") || fail "cannot find the folder of $0"
here=${self%/*}
case $here in
*[:\;]*) fail "the dynamic linker cannot use a folder with ':' or ';' in its name: move $here" ;;
esac
# Last, so that what the user set comes first.
export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$here/lib"

# The dynamic linker itself knows best what it cannot load.
needs="it needs the system's $GLIBC and $GLIBCXX: Debian 12, Ubuntu 22.04, Fedora 36 or later"
linker=/lib64/ld-linux-x86-64.so.2
[ -x "$linker" ] || fail "this system has no GNU libc; $needs"
missing=$("$linker" --list "$here/app/node_modules/webgpu/dist/linux-x64/dawn.node" 2>&1 |
  grep -e 'required by' -e 'error while loading')
[ -z "$missing" ] || fail "this system's libraries are too old or missing; $needs
$missing"

# Containers may get NVIDIA's driver where the loader does not look by itself.
if [ -z "${VK_ADD_DRIVER_FILES:-}" ]; then
  for file in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json /usr/local/nvidia/vulkan/icd.d/nvidia_icd.json; do
    if [ -e "$file" ]; then
      export VK_ADD_DRIVER_FILES="$file"
      break
    fi
  done
fi

exec "$here/bin/node" "$here/app/dist/cli/main.js" "$@"
