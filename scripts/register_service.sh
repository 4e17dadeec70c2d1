#!/usr/bin/env bash
# Makes Camweave a systemd service that starts with the machine:
#
#   register_service.sh NAME PORT            install, enable and start NAME.service with its page on PORT; again: update it
#   register_service.sh --dry-run NAME PORT  print the unit and change nothing
#   register_service.sh --remove NAME        stop it and take it away; its settings stay
#
# The programs are copied (home folders are closed to the service), so a new build reaches the service when this is run again.
# Configuration: /etc/camweave/NAME.toml, else /etc/camweave/camweave.toml, else every camera that is found; PORT goes over it.
# Exit: 0 done, 1 failed, 2 wrong use.
set -euo pipefail
root=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
built=${CAMWEAVE_BIN:-$root/build/release/bin}
template=$root/deploy/camweave.service.in
group=camweave-config

wrong_use() {
  echo "register_service: $1" >&2
  echo "usage: register_service.sh [--dry-run] NAME PORT | --remove NAME" >&2
  exit 2
}

fail() {
  echo "register_service: $1" >&2
  exit 1
}

check_name() {
  [[ $1 =~ ^[A-Za-z][A-Za-z0-9_-]{0,30}$ ]] ||
    wrong_use "the name '$1' is no good: 1 to 31 letters, digits, '_' and '-', a letter first (it is a user's name, too)"
  [ ! -e "$(unit_path "$1")" ] || return 0
  if getent passwd "$1" >/dev/null || getent group "$1" >/dev/null; then
    wrong_use "the name '$1' belongs to a user or group of this machine: take another"
  fi
}

check_port() {
  [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] && [ "$1" -le 65535 ] || wrong_use "the port '$1' is no good: a number from 1 to 65535"
}

unit_path() { echo "/etc/systemd/system/$1.service"; }
programs_path() { echo "/usr/local/lib/camweave/$1"; }
is_ours() { grep -q '^# Made by scripts/register_service.sh' "$1" 2>/dev/null; }

# A service of that name that somebody else made is not ours to change.
check_not_foreign() {
  local found
  found=$(systemctl show --property=FragmentPath --value "$1.service")
  [ -z "$found" ] || is_ours "$found" || fail "$1.service exists and is not Camweave's ($found): take another name"
}

# Groups of camera, graphics and USB devices, as far as this machine has them.
groups_here() {
  local name
  for name in "$group" video render plugdev; do
    if [ "$name" = "$group" ] || getent group "$name" >/dev/null; then printf '%s ' "$name"; fi
  done
}

print_unit() {
  local name=$1 port=$2 options capabilities=""
  options="--set server.http=0.0.0.0:$port"
  [ ! -e "/etc/camweave/$name.toml" ] || options="--config /etc/camweave/$name.toml $options"
  [ "$port" -ge 1024 ] || capabilities=CAP_NET_BIND_SERVICE
  sed -e "s|@NAME@|$name|g; s|@PORT@|$port|g; s|@PROGRAMS@|$(programs_path "$name")|g; s|@OPTIONS@|$options|g" \
    -e "s|@GROUPS@|$(groups_here)|g; s|@GROUP@|$group|g; s|@CAPABILITIES@|$capabilities|g; s|[[:space:]]*$||" "$template"
}

need_systemd() {
  [ -d /run/systemd/system ] || fail "systemd does not run here; 'register_service.sh --dry-run NAME PORT' shows the unit"
  [ "$(id -u)" = 0 ] || fail "run it as root: sudo $0 $*"
}

copy_programs() {
  local name=$1 to
  to=$(programs_path "$name")
  rm -rf "$to.new"
  install -d -m 755 "$to.new"
  install -m 755 "$built"/camweave "$built"/camweave-capture-* "$to.new"
  # The old ones run until the service is restarted: renamed, never written over.
  rm -rf "$to.old"
  [ ! -e "$to" ] || mv "$to" "$to.old"
  mv "$to.new" "$to"
  rm -rf "$to.old"
}

register() {
  local name=$1 port=$2 unit
  unit=$(unit_path "$name")
  need_systemd "$name" "$port"
  check_not_foreign "$name"
  [ -x "$built/camweave" ] || fail "$built/camweave is not there: build it first (./run does)"
  echo "g $group -" | systemd-sysusers -
  copy_programs "$name"
  print_unit "$name" "$port" >"$unit.new"
  mv "$unit.new" "$unit"
  systemctl daemon-reload
  systemctl --quiet enable "$name.service"
  systemctl reset-failed "$name.service" 2>/dev/null || true
  if ! systemctl restart "$name.service"; then
    journalctl --quiet --no-pager --lines 5 --output cat --unit "$name.service" >&2 || true
    fail "$name.service is installed and did not start; its words are above, more by: journalctl -u $name"
  fi
  echo "$name.service runs and starts with the machine: http://$(hostname):$port/"
  echo "its log: journalctl -u $name; its settings: /var/lib/private/camweave/$name; away again: $0 --remove $name"
}

remove() {
  local name=$1 unit
  unit=$(unit_path "$name")
  need_systemd --remove "$name"
  [ -e "$unit" ] || fail "there is no $unit"
  is_ours "$unit" || fail "$unit is not Camweave's"
  systemctl --quiet disable --now "$name.service"
  rm -rf "$unit" "$(programs_path "$name")"
  systemctl daemon-reload
  systemctl reset-failed "$name.service" 2>/dev/null || true
  echo "$name.service is gone. Its settings are kept in /var/lib/private/camweave/$name, its configuration in /etc/camweave."
}

action=register
case ${1:-} in
  --dry-run) action=print_unit && shift ;;
  --remove) action=remove && shift ;;
  -h | --help) sed -n '2,/^set /{/^set /d; s/^# \{0,1\}//; p}' "$0" && exit 0 ;;
  -*) wrong_use "unknown option $1" ;;
esac
wanted=2
[ $action != remove ] || wanted=1
[ $# -eq $wanted ] || wrong_use "$wanted words are needed, not $#"
check_name "$1"
[ $action = remove ] || check_port "$2"
$action "$@"
