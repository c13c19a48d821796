"""envelope.py ENVELOPE PUBLIC_KEY KEYID

Verifies a DSSE envelope with securesystemslib and its statement with in-toto-attestation.
Exits 0 when both accept, 1 when the signature is refused, 2 when the statement is; otherwise the check broke.
"""

import base64
import hashlib
import json
import sys

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.predicates.vsa.v1 import vsa_pb2
from in_toto_attestation.v1 import statement_pb2
from in_toto_attestation.v1.statement import Statement
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

TEST_RESULT = "https://in-toto.io/attestation/test-result/v0.1"
VERIFICATION_SUMMARY = "https://slsa.dev/verification_summary/v1"


def main(path, public, keyid):
    with open(path, encoding="utf-8") as file:
        envelope = Envelope.from_dict(json.load(file))
    with open(public, "rb") as file:
        public_key = load_pem_public_key(file.read())
    wire = base64.b64decode(public_key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
    fingerprint = base64.b64encode(hashlib.sha256(wire).digest()).decode().rstrip("=")
    assert keyid == f"SHA256:{fingerprint}", f"the key id is not the SSH fingerprint {fingerprint}"
    key = SSlibKey.from_crypto(public_key, keyid=keyid)
    try:
        accepted = envelope.verify([key], 1)
    except VerificationError as error:
        print(f"refused: {error}")
        return 1
    assert list(accepted) == [keyid], accepted

    try:
        # No `ignore_unknown_fields`: the statement has no field that the schema lacks.
        parsed = json_format.Parse(envelope.payload, statement_pb2.Statement())
        statement = Statement.copy_from_pb(parsed)
        statement.validate()
        if parsed.predicate_type == TEST_RESULT:
            predicate = json_format.MessageToDict(parsed.predicate)
            result = json_format.ParseDict(predicate, test_result_pb2.TestResult(), ignore_unknown_fields=True)
            assert result.result in ("PASSED", "WARNED", "FAILED"), result.result
            assert len(result.configuration) > 0
        if parsed.predicate_type == VERIFICATION_SUMMARY:
            predicate = json_format.MessageToDict(parsed.predicate)
            # A list in SLSA's specification, and one text in the schema of this package.
            levels = predicate.pop("verifiedLevels")
            summary = json_format.ParseDict(predicate, vsa_pb2.VerificationSummary(), ignore_unknown_fields=True)
            assert summary.verification_result in ("PASSED", "FAILED"), summary.verification_result
            assert summary.verifier.id and summary.resource_uri and summary.policy.digest["sha256"]
            assert summary.time_verified.seconds > 0 and len(summary.input_attestations) == 1
            assert not [level for level in levels if level.startswith("SLSA_")]
    except (ValueError, json_format.ParseError, AssertionError) as error:
        print(f"no valid statement: {error!r}")
        return 2
    print(f"accepted: {parsed.predicate_type}, {len(parsed.subject)} subjects")
    return 0


sys.exit(main(*sys.argv[1:]))
