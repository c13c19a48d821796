"""Reads dayfly's log by the texts of C2SP alone: signed-note, tlog-checkpoint, tlog-cosignature, tlog-tiles and tlog-proof.

Usage: tlog_client.py PUBLIC-KEY LOG-FOLDER WITNESS-KEY COSIGNED-CHECKPOINT [PROOF ENVELOPE]...
Ends with 0 if everything fits, and with 1 and a reason otherwise.
"""

import base64
import hashlib
import json
import pathlib
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def refuse(why):
    print(why, file=sys.stderr)
    sys.exit(1)


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(entry):
    return sha256(b"\0" + entry)


def node_hash(left, right):
    return sha256(b"\1" + left + right)


def tree_hash(leaves):
    """RFC 6962, section 2.1."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    left = 1
    while left * 2 < len(leaves):
        left *= 2
    return node_hash(tree_hash(leaves[:left]), tree_hash(leaves[left:]))


def read_key(vkey, kind):
    """Returns name, id and Ed25519 key of `name+id+key`."""
    name, key_id, material = vkey.split("+", 2)
    material = base64.b64decode(material, validate=True)
    if material[0] != kind or len(material) != 33:
        refuse("the key is not Ed25519, or of another kind")
    if hashlib.sha256(name.encode() + b"\n" + material).hexdigest()[:8] != key_id:
        refuse("the key has another id")
    return name, key_id, Ed25519PublicKey.from_public_bytes(material[1:])


def signatures(note, vkey, kind):
    """Returns the text of a note, the key, and the signatures that claim to be by it."""
    name, key_id, key = read_key(vkey, kind)
    text, _, lines = note.rpartition("\n\n")
    found = []
    for line in lines.splitlines():
        dash, signer, signature = line.split(" ")
        signature = base64.b64decode(signature, validate=True)
        if dash == "—" and signer == name and signature[:4].hex() == key_id:
            found.append(signature[4:])
    return text + "\n", key, found


def open_checkpoint(note, vkey):
    """Returns origin, size and root of a checkpoint that the key signed."""
    text, key, found = signatures(note, vkey, 1)
    for signature in found:
        try:
            key.verify(signature, text.encode())
        except InvalidSignature:
            refuse("the checkpoint's signature does not match")
    if not found:
        refuse("the key did not sign the checkpoint")
    origin, size, root = text.splitlines()[:3]
    if origin != vkey.split("+")[0] or str(int(size)) != size:
        refuse("the checkpoint is of another log, or its size is no number")
    return origin, int(size), base64.b64decode(root, validate=True)


def cosigned_at(note, vkey):
    """Returns the time at which a witness signed a checkpoint: cosignature/v1."""
    text, key, found = signatures(note, vkey, 4)
    if len(found) != 1 or len(found[0]) != 8 + 64:
        refuse("the witness did not sign the checkpoint")
    time = int.from_bytes(found[0][:8], "big")
    try:
        key.verify(found[0][8:], f"cosignature/v1\ntime {time}\n{text}".encode())
    except InvalidSignature:
        refuse("the cosignature does not match")
    return time


def tile_name(level, n):
    elements = [f"{n % 1000:03}"]
    while n >= 1000:
        n //= 1000
        elements.insert(0, f"x{n % 1000:03}")
    return f"tile/{level}/" + "/".join(elements)


def tile(log, level, n, width):
    name = tile_name(level, n) + (f".p/{width}" if width < 256 else "")
    path = log / name
    if not path.is_file():
        refuse(f"{name} is missing")
    return path.read_bytes()


def entries(log, size):
    for n in range((size + 255) // 256):
        width = min(256, size - n * 256)
        bundle = tile(log, "entries", n, width)
        for _ in range(width):
            length = int.from_bytes(bundle[:2], "big")
            yield bundle[2 : 2 + length]
            bundle = bundle[2 + length :]
        if bundle:
            refuse(f"bundle {n} is longer than its entries")


def check_tiles(log, leaves):
    """Compares every tile with the hashes of the whole subtrees below it."""
    level, hashes = 0, leaves
    while hashes:
        for n in range((len(hashes) + 255) // 256):
            part = hashes[n * 256 : n * 256 + 256]
            if tile(log, level, n, len(part)) != b"".join(part):
                refuse(f"tile {n} of level {level} has other hashes")
        hashes = [tree_hash(hashes[n * 256 : n * 256 + 256]) for n in range(len(hashes) // 256)]
        level += 1


def check_proof(proof, envelope, vkey):
    """Verifies a proof without the log, and that it is about this envelope or bundle."""
    head, _, checkpoint = proof.partition("\n\n")
    first, extra, index, *hashes = head.split("\n")
    if first != "c2sp.org/tlog-proof@v1" or not extra.startswith("extra ") or not index.startswith("index "):
        refuse("the proof is malformed")
    entry, index = base64.b64decode(extra[6:], validate=True), int(index[6:])
    _, size, root = open_checkpoint(checkpoint, vkey)
    # RFC 9162, section 2.1.3.2.
    if index >= size:
        refuse("the proof is of an entry after the end of the log")
    node, last, result = index, size - 1, leaf_hash(entry)
    for hash in (base64.b64decode(h, validate=True) for h in hashes):
        if last == 0:
            refuse("the proof is too long")
        if node & 1 or node == last:
            result = node_hash(hash, result)
            while not node & 1 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            result = node_hash(result, hash)
        node, last = node >> 1, last >> 1
    if last != 0 or result != root:
        refuse("the proof does not lead to the root")
    envelope = json.loads(envelope)
    payload = base64.b64decode(envelope.get("dsseEnvelope", envelope)["payload"], validate=True)
    if json.loads(entry)["statement"] != hashlib.sha256(payload).hexdigest():
        refuse("the entry names another statement")


def main():
    vkey, log, witness, cosigned, *pairs = sys.argv[1:]
    log = pathlib.Path(log)
    _, size, root = open_checkpoint((log / "checkpoint").read_text(), vkey)
    leaves = [leaf_hash(entry) for entry in entries(log, size)]
    if tree_hash(leaves) != root:
        refuse("the entries do not have the root of the checkpoint")
    check_tiles(log, leaves)
    for proof, envelope in zip(pairs[::2], pairs[1::2]):
        check_proof(pathlib.Path(proof).read_text(), pathlib.Path(envelope).read_text(), vkey)
    cosigned = pathlib.Path(cosigned).read_text()
    time = cosigned_at(cosigned, witness)
    if open_checkpoint(cosigned, vkey)[1:] != (size, root):
        refuse("the witness signed another checkpoint")
    print(f"{size} entries, witnessed at {time}")


main()
