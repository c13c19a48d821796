#!/usr/bin/env bash
# Verifies an audit without dayfly: with openssl 3, jq and coreutils. Run it in the folder of the audit. Replace the files in `keys` by
# keys that you trust for a reason of your own: 1.pub, 2.pub, … in the order of `keys` in index.json, and log.pub.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
fail() { printf 'REFUSED  %s\n' "$*"; exit 10; }
hex() { od -An -v -tx1 | tr -d ' \n'; }                                        # bytes to hexadecimal digits
unhex() { printf "$(sed 's/../\\x&/g')"; }                                     # and back
hash() { printf %s "$1" | unhex | sha256sum | cut -d' ' -f1; }                 # SHA-256 of bytes in hexadecimal digits
has_digest() { echo "$2  $1" | sha256sum --check --quiet --strict > "$work/out" 2>&1 || fail "$1 does not have the SHA-256 $2"; }

# Checks the signature of an envelope or a bundle, and leaves its statement in a file.
statement() { # FILE STATEMENT
  jq -e '.dsseEnvelope // .' "$1" > "$work/envelope" || fail "$1 is no envelope"
  local number
  number=$(jq -e --arg id "$(jq -r '.signatures[0].keyid' "$work/envelope")" '.keys | index($id) + 1' index.json 2> "$work/out") ||
    fail "$1 is signed by a key that is not in keys"
  local key=keys/$number.pub
  jq -e -r .payload "$work/envelope" | base64 -d > "$2"
  jq -e -r '.signatures[0].sig' "$work/envelope" | base64 -d > "$work/sig"
  { printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < "$2")"; cat "$2"; } > "$work/pae"
  case $(openssl pkey -pubin -in "$key" -noout -text) in
    *ED25519*) openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in "$work/pae" -sigfile "$work/sig" ;;
    *) openssl dgst -sha256 -verify "$key" -signature "$work/sig" "$work/pae" ;;
  esac > "$work/out" 2>&1 || fail "the signature of $1"
}

# Checks a run: every file that its closing statement names, by digest.
run() { # FOLDER
  statement "$1/run.intoto.jsonl" "$work/run"
  has_digest "$1/report.json" "$(jq -e -r .predicate.reportDigest.sha256 "$work/run")"
  if [ "$(jq 'has("predicate") and (.predicate | has("openedDigest"))' "$work/run")" = true ]; then
    statement "$1/opened.intoto.jsonl" "$work/opened"
    has_digest "$work/opened" "$(jq -e -r .predicate.openedDigest.sha256 "$work/run")"
  fi
  while read -r file digest; do
    statement "$1/$file" "$work/part"
    has_digest "$work/part" "$digest"
  done < <(jq -r '.predicate.suites[] | "suite-\(.name).sigstore.json \(.statementDigest.sha256)",
    (.name as $suite | (.scans // [])[] | "vulns-\($suite)-\(.number).sigstore.json \(.statementDigest.sha256)")' "$work/run")
  while read -r digest; do
    [ ! -e "$1/raw/$digest" ] || has_digest "$1/raw/$digest" "$digest"
  done < <(jq -r '.predicate | (.suites[].rawReports[], (.traces // [])[]).digest.sha256' "$work/run")
}

# Checks the signature of a checkpoint, and sets size and root.
checkpoint() { # FILE
  local name id key line
  IFS=+ read -r name id key < keys/log.pub
  { printf 302a300506032b6570032100; printf %s "$key" | base64 -d | tail -c 32 | hex; } | unhex | openssl pkey -pubin -inform DER -out "$work/log.pem"
  sed '/^$/,$d' "$1" > "$work/note"
  line=$(sed '1,/^$/d' "$1" | while read -r dash of sig; do if [ "$dash $of" = "— $name" ] && [ "$(printf %s "$sig" | base64 -d | head -c 4 | hex)" = "$id" ]; then printf %s "$sig"; fi; done)
  printf %s "$line" | base64 -d | tail -c +5 > "$work/sig"
  openssl pkeyutl -verify -pubin -inkey "$work/log.pem" -rawin -in "$work/note" -sigfile "$work/sig" > "$work/out" 2>&1 || fail "the signature of the checkpoint in $1"
  size=$(sed -n 2p "$work/note") root=$(sed -n 3p "$work/note" | base64 -d | hex)
}

# Checks that the log has a statement, by the proof beside it (RFC 9162, 2.1.3.2).
proof() { # PROOF STATEMENT
  sed '1,/^$/d' "$1" > "$work/checkpoint" && checkpoint "$work/checkpoint"
  local at last hash index
  sed -n 's/^extra //p' "$1" | base64 -d > "$work/entry"
  [ "$(jq -r .statement "$work/entry")" = "$(sha256sum < "$2" | cut -d' ' -f1)" ] || fail "$1 is of another statement"
  index=$(sed -n 's/^index //p' "$1") at=$index last=$((size - 1)) hash=$(hash "00$(hex < "$work/entry")")
  while read -r sibling; do
    sibling=$(printf %s "$sibling" | base64 -d | hex)
    if ((at % 2 == 1 || at == last)); then
      hash=$(hash "01$sibling$hash")
      while ((at % 2 == 0 && at > 0)); do at=$((at / 2)) last=$((last / 2)); done
    else
      hash=$(hash "01$hash$sibling")
    fi
    at=$((at / 2)) last=$((last / 2))
  done < <(sed '1,3d;/^$/,$d' "$1")
  [ "$hash" = "$root" ] && [ "$last" = 0 ] || fail "$1 does not lead to the root of the log"
  echo "$index $(sha256sum < "$2" | cut -d' ' -f1)" >> "$work/proven"
}

# Reads all entries of the log, and computes its root from them.
whole_log() {
  checkpoint log/checkpoint
  local n width path rest length at=0 peaks=() sizes=() hash=
  while ((at < size)); do
    n=$((at / 256)) width=$((size - at < 256 ? size - at : 256)) path=$(printf %03d $((n % 1000)))
    while ((n >= 1000)); do n=$((n / 1000)) path=x$(printf %03d $((n % 1000)))/$path; done
    ((width == 256)) || path=$path.p/$width
    rest=$(hex < "log/tile/entries/$path") end=$((at + width))
    while [ -n "$rest" ]; do
      length=$((16#${rest:0:4} * 2)) hash=$(hash "00${rest:4:length}") n=1
      printf %s "${rest:4:length}" | unhex | jq -r --arg at "$at" '"\($at) \(.statement)"' >> "$work/entries"
      while ((${#sizes[@]} > 0)) && ((sizes[-1] == n)); do
        hash=$(hash "01${peaks[-1]}$hash") n=$((n * 2))
        unset 'peaks[-1]' 'sizes[-1]'
      done
      peaks+=("$hash") sizes+=("$n") rest=${rest:4+length} at=$((at + 1))
    done
    ((at == end)) || fail "log/tile/entries/$path does not hold $width entries"
  done
  hash=${peaks[-1]:-$(hash '')}
  for ((n = ${#peaks[@]} - 2; n >= 0; n--)); do hash=$(hash "01${peaks[n]}$hash"); done
  [ "$hash" = "$root" ] || fail 'the entries of the log do not have the root of its checkpoint'
  touch "$work/proven"
  sort -u "$work/proven" | comm -23 - <(sort -u "$work/entries") | grep -q . && fail 'a proof is of an entry that the log does not have'
  printf 'VERIFIED  the log: %d entries, %d of them are of statements in records\n' "$size" "$(cut -d' ' -f1 "$work/proven" | sort -u | wc -l)"
}

count=0
while read -r folder; do
  [ ! -e "$folder/run.intoto.jsonl" ] || run "$folder"
  for file in "$folder"/*.intoto.jsonl "$folder"/*.sigstore.json; do
    [ -e "$file" ] || continue
    statement "$file" "$work/statement"
    if [ -e keys/log.pub ] && [ "${file##*/}" != run.sigstore.json ]; then
      [ -e "$file.tlog-proof" ] || fail "there is no $file.tlog-proof"
      proof "$file.tlog-proof" "$work/statement"
    fi
  done
  count=$((count + 1))
done < <(find records -mindepth 2 -maxdepth 4 -type d ! -name raw -exec sh -c 'ls "$1" | grep -q "\.intoto\.jsonl$\|\.sigstore\.json$"' _ {} \; -print | sort)
[ ! -e keys/log.pub ] || whole_log
printf 'VERIFIED  %d records\n' "$count"
