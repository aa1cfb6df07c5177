#!/bin/sh
# many.sh SIM FIRST COUNT: seeds that nobody has seen, two at a time.  Prints those that break; fails if there are any.
sim=$1 first=$2 count=$3
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT

export sim dir
seq "$first" $((first + count - 1)) | xargs -P "$(nproc)" -I{} sh -c \
	'"$sim" --quiet --seed {} >"$dir/{}" 2>&1 && rm -f "$dir/{}" || { grep BROKEN "$dir/{}" || echo "# seed {} died"; }'
set -- "$dir"/*
if [ -e "$1" ]; then
	echo "$# of $count seeds are broken; add them to tests/sim/seeds when they are mended"
	exit 1
fi
echo "$count seeds, none broken"
