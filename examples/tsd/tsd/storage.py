"""Files of the tenants on disk: /data/{tenant}/{files,deleted}/{group}/{name}, and uploads that are not yet complete."""

import json
import os
import re
import uuid
from pathlib import Path

ROOT = Path("/data")
NAME = re.compile(r"[\w][\w .()+-]{0,199}")


def safe(name):
    """One plain file name: no folder, nothing that leads out of one."""
    return bool(NAME.fullmatch(name))


def place(tenant, group, name, kind="files"):
    return ROOT / tenant / kind / group / name


def new_part(tenant):
    """An empty file for the bytes that arrive; it becomes visible only when it is complete."""
    folder = ROOT / tenant / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / uuid.uuid4().hex


def move(source, target):
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def names(tenant, group):
    folder = ROOT / tenant / "files" / group
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def everything():
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if path.is_file())


class Resumable:
    """An upload in chunks, numbered from 1, in their order; it survives a restart."""

    def __init__(self, tenant, identifier, group=None, name=None):
        self.part = ROOT / tenant / "resumable" / identifier
        self.note = self.part.with_suffix(".json")
        if group is not None:
            self.part.parent.mkdir(parents=True, exist_ok=True)
            self.part.touch()
            self.state = {"group": group, "name": name, "max_chunk": 0}
            self.save()
        else:
            self.state = json.loads(self.note.read_text())

    def save(self):
        self.note.write_text(json.dumps(self.state))

    def add(self, number, chunk):
        """False, and nothing changed, when it is not the next one."""
        if number != self.state["max_chunk"] + 1:
            return False
        with self.part.open("ab") as file, chunk.open("rb") as source:
            while data := source.read(1 << 20):
                file.write(data)
        self.state["max_chunk"] = number
        self.save()
        return True

    def end(self, target):
        move(self.part, target)
        self.note.unlink()


def resumable(tenant, identifier, group, name):
    """The unfinished upload of that id, if it is one of this file."""
    if not re.fullmatch(r"[0-9a-f]{32}", identifier):
        return None
    try:
        found = Resumable(tenant, identifier)
    except FileNotFoundError:
        return None
    return found if (found.state["group"], found.state["name"]) == (group, name) else None


def resumables(tenant, group, name, identifier=None):
    """Unfinished uploads of this file: all, or the one of that id."""
    found = []
    for note in (ROOT / tenant / "resumable").glob("*.json"):
        state = json.loads(note.read_text())
        if (state["group"], state["name"]) == (group, name) and identifier in (None, note.stem):
            found.append({"id": note.stem, "filename": name, "max_chunk": state["max_chunk"]})
    return found
