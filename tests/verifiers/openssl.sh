#!/bin/sh
# openssl.sh ENVELOPE PUBLIC_KEY WORK_FOLDER
# Verifies a DSSE envelope with jq and openssl alone. Exits 0 when the signature is good, 1 when it is refused,
# and with another code when the check itself broke.
set -eu
envelope=$1 public=$2 work=$3
mkdir -p "$work"
jq -e -r .payload "$envelope" | base64 -d >"$work/payload" || exit 3
jq -e -r '.signatures[0].sig' "$envelope" | base64 -d >"$work/sig" || exit 3
type=$(jq -e -r .payloadType "$envelope") || exit 3
{ printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c <"$work/payload")"; cat "$work/payload"; } >"$work/pae"
kind=$(openssl pkey -pubin -in "$public" -noout -text) || exit 3
case $kind in
*ED25519*) answer=$(openssl pkeyutl -verify -pubin -inkey "$public" -rawin -in "$work/pae" -sigfile "$work/sig" 2>&1) && code=0 || code=$? ;;
*"NIST CURVE: P-256"*) answer=$(openssl dgst -sha256 -verify "$public" -signature "$work/sig" "$work/pae" 2>&1) && code=0 || code=$? ;;
*) exit 3 ;;
esac
echo "$answer"
case $answer in
*"Signature Verified Successfully"* | *"Verified OK"*) [ "$code" = 0 ] || exit 3 ;;
*"Verification Failure"* | *"Verification failure"*) exit 1 ;;
*) exit 3 ;;
esac
