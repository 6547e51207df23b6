#!/usr/bin/env bash
# engine.sh COMMAND: a real Ceph object store on the loopback interface, for
# trying mstore in a bucket and for its tests. 1 monitor, 1 manager, 3 OSDs with
# three-way replication, 2 S3 gateways; about 1 GB of memory, up in half a minute.
#
#   install           get Ceph's packages with apt-get, those that are missing
#   up                start it, or what of it does not run; waits until healthy
#   down              stop it and remove its data
#   status            what runs; exit 0 healthy, 1 not, 3 there is none
#   url               where tests find it: an s3:// URL without a bucket
#   env               exports for a shell: eval "$(scripts/engine.sh env)"
#   bucket NAME       make a bucket (harmless where it is there)
#   kill-osd I        end OSD I (0 to 2) with kill -9; start-osd I brings it back
#   kill-gateway I    end gateway I (0 or 1) with kill -9; start-gateway I
#   wait              wait until all data has three copies again
#   logs              the ends of all logs
#
#   MSTORE_ENGINE_DIR       folder for all its data (mstore-engine in the temp folder)
#   MSTORE_ENGINE_PORT      port of the first gateway (8000); the second has the next
#   MSTORE_ENGINE_MON_PORT  port of the monitor (3300)
#   MSTORE_ENGINE_WAIT      seconds that a step may take (120)
set -euo pipefail

dir=${MSTORE_ENGINE_DIR:-${TMPDIR:-/tmp}/mstore-engine}
port=${MSTORE_ENGINE_PORT:-8000}
mon_port=${MSTORE_ENGINE_MON_PORT:-3300}
limit=${MSTORE_ENGINE_WAIT:-120}
osds=3 gateways=2
access=mstore-test secret=mstore-test-secret
packages=(ceph-mon ceph-mgr ceph-osd radosgw ceph-common)
PATH=$PATH:/usr/sbin:/sbin

say() { echo "engine: $*" >&2; }
die() { say "$*"; exit 1; }

usage() { sed -n '2,/^set/p' "${BASH_SOURCE[0]}" | sed -n 's/^# \{0,1\}//p'; }

# What is already running goes by the settings it was started with.
load_settings() {
  [ -f "$dir/settings" ] || return 0
  # shellcheck disable=SC1091
  . "$dir/settings"
}

admin() { timeout 20 ceph -c "$dir/ceph.conf" --connect-timeout 10 "$@"; }

# ---- processes: a pid file holds the id and the start time that /proc knows, so
# that a process that got the same id later is never taken for ours.

started_at() { # PID
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  set -- ${stat##*) }
  [ "$1" != Z ] && echo "${20}"
}

running() { # NAME: prints the id
  local pid since
  [ -f "$dir/pid.$1" ] || return 1
  read -r pid since <"$dir/pid.$1" || return 1
  [ -n "$pid" ] && [ "$(started_at "$pid")" = "$since" ] && echo "$pid"
}

start_daemon() { # NAME COMMAND...
  local name=$1
  shift
  running "$name" >/dev/null && return 0
  setsid "$@" -c "$dir/ceph.conf" -f >>"$dir/log/$name.out" 2>&1 </dev/null 9>&- &
  echo "$! $(started_at $!)" >"$dir/pid.$name"
  disown
}

start_mon() { start_daemon mon ceph-mon -i a; }
start_mgr() { start_daemon mgr ceph-mgr -i x; }
start_osd() { start_daemon "osd.$1" ceph-osd -i "$1"; }
start_gateway() {
  start_daemon "gateway.$1" radosgw -n "client.rgw.$1" \
    --rgw-frontends="beast endpoint=127.0.0.1:$((port + $1))"
}

daemons() {
  local i
  for ((i = 0; i < gateways; i++)); do echo "gateway.$i"; done
  for ((i = 0; i < osds; i++)); do echo "osd.$i"; done
  echo mgr mon
}

end_daemon() { # NAME SIGNAL
  local pid
  if pid=$(running "$1"); then
    kill "-$2" "$pid" 2>/dev/null || true
    [ "$2" != KILL ] || until_true 10 "$1 to end" gone "$pid"
  fi
  [ "$2" != KILL ] || rm -f "$dir/pid.$1"
}

gone() { ! started_at "$1" >/dev/null; }

# ---- waiting

until_true() { # SECONDS WHAT COMMAND...
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { say "waited in vain for $what"; return 1; }
    sleep 0.2
  done
}

mon_answers() { timeout 5 ceph -c "$dir/ceph.conf" --connect-timeout 4 mon stat; }
osd_up() { admin osd dump 2>/dev/null | grep -q "^osd\.$1 up"; }

osds_up() {
  local up
  up=$(admin osd dump 2>/dev/null | grep -c '^osd\.[0-9]* up') || true
  [ "$up" = "$osds" ]
}

answers() ( # PORT: does somebody speak HTTP there?
  exec 3<>"/dev/tcp/127.0.0.1/$1"
  printf 'GET / HTTP/1.0\r\n\r\n' >&3
  read -r -t 5 line <&3
  [[ $line == HTTP/1.* ]]
)

# Every placement group is active and clean; nothing waits for a copy.
clean() {
  local line total whole
  line=$(admin pg stat 2>/dev/null) || return 1
  total=$(sed -n 's/^\([0-9]*\) pgs:.*/\1/p' <<<"$line")
  whole=$(sed -n 's/^[0-9]* pgs: \([0-9]*\) active+clean;.*/\1/p' <<<"$line")
  [ -n "$total" ] && [ "$total" -gt 0 ] && [ "$total" = "$whole" ]
}

# ---- making one

check_place() {
  # The path of an admin socket must fit into 107 bytes.
  [ ${#dir} -le 80 ] || die "the path $dir is too long: set MSTORE_ENGINE_DIR to a shorter one"
  [[ $dir != *[[:space:]]* ]] || die "the path '$dir' has white space in it: set MSTORE_ENGINE_DIR to another"
  local p
  for p in "${packages[@]}"; do
    case $p in ceph-common) p=ceph ;; esac
    command -v "$p" >/dev/null || die "$p is not installed: scripts/engine.sh install"
  done
  if [ -e "$dir" ] && [ ! -f "$dir/settings" ] && [ -n "$(ls -A "$dir")" ]; then
    die "$dir is not empty and not an engine's: set MSTORE_ENGINE_DIR to another folder"
  fi
}

ports_free() {
  local p
  for p in "$mon_port" $(seq "$port" $((port + gateways - 1))); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
      die "port $p is taken: set MSTORE_ENGINE_PORT or MSTORE_ENGINE_MON_PORT"
    fi
  done
}

write_config() {
  cat >"$dir/ceph.conf" <<EOF
[global]
fsid = $1
mon host = [v2:127.0.0.1:$mon_port]
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr1 = false
run dir = $dir/run
admin socket = $dir/run/\$name.asok
log file = $dir/log/\$name.log
crash dir = $dir/run
pid file =
keyring = $dir/keyring
# Three copies, all of them on disk before a write is acknowledged; reading and
# writing go on with two.
osd pool default size = 3
osd pool default min size = 2
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 1
# A dead OSD is noticed within seconds, and waited for rather than replaced.
osd heartbeat interval = 2
osd heartbeat grace = 6
mon osd adjust heartbeat grace = false
mon osd min down reporters = 1
mon osd down out interval = 600
# A gateway that was killed is not waited for when a bucket is made or removed.
osd client watch timeout = 4
# What an OSD missed it gets at once: there are no disks to be gentle with.
osd recovery sleep = 0
osd recovery max active = 16
osd max backfills = 8
mgr stats period = 1
osd objectstore = bluestore
bluestore block size = 8589934592
bluestore block create = true
osd memory target = 939524096
osd class default list = *
osd class load list = *
mgr initial modules =
rgw thread pool size = 64
rgw dynamic resharding = false
[client.admin]
admin socket =
[mon]
mon data = $dir/mon
[mgr]
mgr data = $dir/mgr
[osd]
osd data = $dir/osd.\$id
EOF
}

write_keys() {
  local i
  key() { ceph-authtool "$dir/keyring" --gen-key -n "$@" >/dev/null; }
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
  key client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  key mgr.x --cap mon 'allow profile mgr' --cap osd 'allow *'
  for ((i = 0; i < osds; i++)); do
    key "osd.$i" --cap mon 'allow profile osd' --cap osd 'allow *' --cap mgr 'allow profile osd'
  done
  for ((i = 0; i < gateways; i++)); do
    key "client.rgw.$i" --cap mon 'allow rw' --cap osd 'allow rwx'
  done
}

make_osd() { # I
  local uuid
  uuid=$(cat /proc/sys/kernel/random/uuid)
  mkdir -p "$dir/osd.$1"
  admin osd new "$uuid" "$1" >/dev/null
  timeout "$limit" ceph-osd -c "$dir/ceph.conf" -i "$1" --mkfs --osd-uuid "$uuid" --keyring "$dir/keyring" \
    >"$dir/log/mkfs.$1.out" 2>&1
  start_osd "$1"
}

make_all() {
  local fsid i jobs=()
  rm -rf "$dir"
  mkdir -p "$dir"/{mon,mgr,log,run}
  printf 'port=%s\nmon_port=%s\n' "$port" "$mon_port" >"$dir/settings"
  fsid=$(cat /proc/sys/kernel/random/uuid)
  write_config "$fsid"
  write_keys
  monmaptool --create --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon_port]" "$dir/monmap" >"$dir/log/monmap.out"
  ceph-mon -c "$dir/ceph.conf" -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring" >"$dir/log/mkfs.mon.out" 2>&1
  start_mon
  until_true "$limit" "the monitor" mon_answers
  start_mgr
  for ((i = 0; i < osds; i++)); do
    make_osd "$i" &
    jobs+=($!)
  done
  for i in "${jobs[@]}"; do wait "$i"; done
  until_true "$limit" "the OSDs" osds_up
  # This makes the gateways' pools too.
  timeout "$limit" radosgw-admin -c "$dir/ceph.conf" user create --uid=mstore --display-name=mstore \
    --access-key="$access" --secret-key="$secret" >"$dir/log/user.out" 2>&1
  touch "$dir/made"
}

start_all() {
  local i
  start_mon
  until_true "$limit" "the monitor" mon_answers
  start_mgr
  for ((i = 0; i < osds; i++)); do start_osd "$i"; done
  until_true "$limit" "the OSDs" osds_up
  for ((i = 0; i < gateways; i++)); do start_gateway "$i"; done
  for ((i = 0; i < gateways; i++)); do
    until_true "$limit" "gateway $i" answers $((port + i))
  done
  until_true "$limit" "three copies of everything" clean
}

# ---- commands

locked() { # one at a time in one folder; daemons do not inherit the lock (9>&-)
  mkdir -p "$(dirname "$dir")"
  exec 9>"$dir.lock"
  flock -w $((4 * limit)) 9 || die "another engine.sh works in $dir"
}

up() {
  local start=$SECONDS
  locked
  load_settings
  check_place
  trap 'show_logs >&2; say "could not be started"' EXIT
  if [ ! -f "$dir/made" ]; then # nothing there, or the making was interrupted
    stop_all
    trap - EXIT
    ports_free
    trap 'show_logs >&2; say "could not be started"' EXIT
    make_all
  fi
  start_all
  trap - EXIT
  say "ready after $((SECONDS - start)) s: gateways on 127.0.0.1:$port and :$((port + 1)), data in $dir"
}

stop_all() {
  local name pid end
  [ -f "$dir/settings" ] || return 0
  # Gateways first, the monitor last; what does not go in time is killed.
  for name in $(daemons); do end_daemon "$name" TERM; done
  end=$((SECONDS + 5))
  for name in $(daemons); do
    while pid=$(running "$name") && [ "$SECONDS" -lt "$end" ]; do sleep 0.1; done
  done
  for name in $(daemons); do end_daemon "$name" KILL; done
}

down() {
  locked
  load_settings
  if [ -f "$dir/settings" ]; then
    stop_all
    rm -rf "$dir"
    say "stopped"
  else
    say "there is none in $dir"
  fi
  rm -f "$dir.lock"
}

status() {
  local name pid all=0
  [ -f "$dir/settings" ] || { say "there is none in $dir"; exit 3; }
  for name in $(daemons); do
    if pid=$(running "$name"); then echo "$name runs ($pid)"; else echo "$name does not run" && all=1; fi
  done
  admin pg stat || all=1
  [ $all = 0 ] && clean || { echo "not healthy"; exit 1; }
  echo "healthy"
}

url() {
  echo "s3://?endpoint=http://127.0.0.1:$port,http://127.0.0.1:$((port + 1))&region=us-east-1&use_path_style=true"
}

env_lines() {
  echo "export MSTORE_TEST_S3='$(url)'"
  echo "export AWS_ACCESS_KEY_ID=$access AWS_SECRET_ACCESS_KEY=$secret"
  echo "export MSTORE_ENGINE_DIR='$dir'"
}

bucket() { # NAME: a PUT signed the old way, which needs openssl only
  [[ $1 =~ ^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$ ]] || die "'$1' cannot be the name of a bucket"
  local date signature status
  date=$(LC_ALL=C date -uR)
  signature=$(printf 'PUT\n\n\n%s\n/%s' "$date" "$1" | openssl dgst -sha1 -hmac "$secret" -binary | openssl base64)
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  printf 'PUT /%s HTTP/1.0\r\nHost: 127.0.0.1:%s\r\nDate: %s\r\nAuthorization: AWS %s:%s\r\nContent-Length: 0\r\n\r\n' \
    "$1" "$port" "$date" "$access" "$signature" >&3
  read -r -t 30 status <&3 || true
  [[ $status == *" 200 "* ]] || die "making bucket $1: ${status:-no answer}"
}

show_logs() {
  local f
  for f in "$dir"/log/*; do
    [ -s "$f" ] || continue
    echo "---- $f"
    tail -n 40 "$f"
  done
}

install() {
  local missing=() p sudo=()
  for p in "${packages[@]}" openssl; do
    dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || die "no apt-get here: please install ${missing[*]}"
  [ "$(id -u)" -eq 0 ] || sudo=(sudo)
  "${sudo[@]}" timeout 300 apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive timeout 900 \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

number() { # WHAT I COUNT
  [[ ${2:-} =~ ^[0-9]+$ ]] && [ "$2" -lt "$3" ] || die "which $1? a number below $3"
}

there() {
  load_settings
  [ -f "$dir/made" ] || { say "there is none in $dir: scripts/engine.sh up"; exit 3; }
}

case ${1:-} in
install) install ;;
up) up ;;
down) down ;;
status) load_settings; status ;;
url) load_settings; url ;;
env) load_settings; env_lines ;;
bucket) there; bucket "${2:-}" ;;
wait) there; until_true "$limit" "three copies of everything" clean ;;
logs) show_logs ;;
kill-osd) there; number OSD "${2:-}" $osds; end_daemon "osd.$2" KILL ;;
start-osd) there; number OSD "${2:-}" $osds; start_osd "$2"; until_true "$limit" "OSD $2" osd_up "$2" ;;
kill-gateway) there; number gateway "${2:-}" $gateways; end_daemon "gateway.$2" KILL ;;
start-gateway)
  there
  number gateway "${2:-}" $gateways
  start_gateway "$2"
  until_true "$limit" "gateway $2" answers $((port + $2))
  ;;
-h | --help | help) usage ;;
*) usage >&2; exit 2 ;;
esac
