"""Writes an image of one program and some files, in the archive that every runtime loads.

image.py OUT NAME PROGRAM ARGUMENT…: the program is /probe, which gets the arguments if nobody says otherwise, and
/etc/shadow is there to be read.
"""

import hashlib
import io
import json
import platform
import sys
import tarfile


def add(archive, name, data, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


out, name, program, *arguments = sys.argv[1:]
layer = io.BytesIO()
with tarfile.open(fileobj=layer, mode="w") as archive:
    for folder in ("etc", "proc", "sys", "dev", "run", "tmp"):
        entry = tarfile.TarInfo(folder)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
    with open(program, "rb") as file:
        add(archive, "probe", file.read(), 0o755)
    add(archive, "etc/shadow", b"root:*:1:0:99999:7:::\n", 0o600)
    add(archive, "etc/passwd", b"root:x:0:0:root:/:/probe\n")
    add(archive, "etc/group", b"root:x:0:\n")
layer = layer.getvalue()
machine = {"x86_64": "amd64", "aarch64": "arm64"}

config = {
    "architecture": machine.get(platform.machine(), platform.machine()),
    "os": "linux",
    "config": {"Cmd": ["/probe", *arguments], "Env": ["PATH=/"]},
    "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
}
with tarfile.open(out, "w") as archive:
    add(archive, "layer.tar", layer)
    add(archive, "config.json", json.dumps(config).encode())
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    add(archive, "manifest.json", json.dumps(manifest).encode())
