# SPDX-License-Identifier: MIT
# Reads ci/tools.list for ci/setup and ci/doctor. Sourced by bash; starts no program but Python.

# The Python that sees the distribution's packages: the one on PATH may be another.
system_python() {
	if [ -x /usr/bin/python3 ]; then echo /usr/bin/python3; else type -P python3; fi
}

have_module() {
	local python
	python=$(system_python) && [ -n "$python" ] || return 1
	"$python" -Ic 'import importlib.util as u, sys; sys.exit(u.find_spec(sys.argv[1]) is None)' "$1"
}

# True if one of the words of a check holds; the words after file: are alternatives too.
have() {
	local word path
	for word in $1; do
		case $word in
		cmd:*) type -P "${word#cmd:}" >/dev/null && return 0 ;;
		py:*) have_module "${word#py:}" && return 0 ;;
		*) for path in ${word#file:}; do [ -e "$path" ] && return 0; done ;;
		esac
	done
	return 1
}

# REPLY = $1 without the blanks around it.
trim() {
	REPLY=${1#"${1%%[![:space:]]*}"}
	REPLY=${REPLY%"${REPLY##*[![:space:]]}"}
}

# Calls $1 NAME CHECK DEBIAN FEDORA ARCH for each tool that one of the goals "$2"… needs.
each_tool() {
	local call=$1 line field goal
	shift
	while IFS= read -r line; do
		case $line in '#'* | '') continue ;; esac
		local fields=()
		while [ -n "$line" ]; do
			field=${line%%|*}
			trim "$field"
			fields+=("$REPLY")
			line=${line:${#field}+1}
		done
		for goal in "$@"; do
			case " ${fields[1]} " in
			*" $goal "*)
				"$call" "${fields[0]}" "${fields[@]:2}"
				break
				;;
			esac
		done
	done <"$(dirname "${BASH_SOURCE[0]}")/../tools.list"
}
