// bundle.mjs MODULES BUNDLE PUBLIC_KEY
// Verifies a Sigstore bundle with @sigstore/verify from the folder MODULES and a plain public key.
// Exits 0 when it accepts, 1 when the signature is refused; otherwise the check broke.
import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [modules, path, pem] = process.argv.slice(2);
const require = createRequire(join(modules, 'package.json'));
const { bundleFromJSON } = require('@sigstore/bundle');
const { VerificationError, Verifier, toSignedEntity, toTrustMaterial } = require('@sigstore/verify');

const bundle = bundleFromJSON(JSON.parse(readFileSync(path, 'utf8')));
const root = { mediaType: '', tlogs: [], certificateAuthorities: [], ctlogs: [], timestampAuthorities: [] };
const publicKey = createPublicKey(readFileSync(pem));
const trust = toTrustMaterial(root, () => ({ publicKey, validFor: () => true }));
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0 });
try {
  verifier.verify(toSignedEntity(bundle));
  console.log('accepted');
} catch (error) {
  if (!(error instanceof VerificationError)) throw error;
  console.log(`refused: ${error.code}: ${error.message}`);
  process.exit(error.code === 'SIGNATURE_ERROR' ? 1 : 3);
}
