#!/usr/bin/env python3
"""Validates CycloneDX documents with CycloneDX's own library, and the package URLs in them with another reader of those.

    sbom.py FILE…

The exit code is 1 if a document breaks a rule of the specification; the first fault of each is printed.
"""

import json
import pathlib
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL


def fault(path):
    text = pathlib.Path(path).read_text()
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error:
        return str(error)
    document = json.loads(text)
    components = document["components"]
    references = [c["bom-ref"] for c in [document["metadata"]["component"], *components]]
    if len(set(references)) != len(references):
        return "two components have one bom-ref"
    edges = [(e["ref"], to) for e in document["dependencies"] for to in [e["ref"], *e.get("dependsOn", [])]]
    for edge in [*edges, *((r, r) for c in document["compositions"] for r in c["dependencies"])]:
        if not set(edge) <= set(references):
            return f"{edge} names what is not there"
    for component in components:
        if "purl" not in component:
            continue
        purl = PackageURL.from_string(component["purl"])
        # Another reader finds the same name and version in it.
        name = "/".join(filter(None, [component.get("group"), component["name"]]))
        named = purl.name if purl.type in ("deb", "rpm") else "/".join(filter(None, [purl.namespace, purl.name]))
        if named.lower() != name.lower() or purl.version not in (component["version"], component["version"].split(":", 1)[-1]):
            return f"{component['purl']} is read as {purl.to_dict()}, and not as {name} {component['version']}"
    # The library reads the whole into its own model.
    Bom.from_json(document)
    return None


def main():
    broken = {path: why for path in sys.argv[1:] if (why := fault(path))}
    for path, why in broken.items():
        print(f"{path}: {why[:2000]}")
    return 1 if broken or len(sys.argv) < 2 else 0


sys.exit(main())
