"""Whether a folder lies on another machine, where SQLite's WAL is not safe."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path

_NETWORK_FILE_SYSTEMS = {
    "9p", "afs", "ceph", "cifs", "davfs", "fuse.cephfs", "fuse.davfs2", "fuse.glusterfs", "fuse.gvfsd-fuse",
    "fuse.rclone", "fuse.sshfs", "gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb2", "smb3", "smbfs",
}  # fmt: skip
_REMOTE_DRIVE = 4


def is_on_network(path: Path) -> bool:
    """Whether `path` lies on a network drive, as far as the system tells; False where it does not."""
    if sys.platform == "win32":
        drive = path.absolute().drive
        return drive.startswith("\\\\") or ctypes.windll.kernel32.GetDriveTypeW(f"{drive}\\") == _REMOTE_DRIVE
    mounts = Path("/proc/self/mounts")
    if not mounts.is_file():
        return False
    return _file_system(path.absolute(), mounts.read_text(errors="surrogateescape")) in _NETWORK_FILE_SYSTEMS


def _file_system(path: Path, mounts: str) -> str:
    """The type of the file system that `path` is on; `mounts`: lines of device, mount point, type, ..."""
    found, type_found = Path("/"), ""
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        folder = Path(re.sub(r"\\([0-7]{3})", lambda code: chr(int(code[1], 8)), point))
        # Of two mounts on one point the later one is seen.
        if path.is_relative_to(folder) and len(folder.parts) >= len(found.parts):
            found, type_found = folder, kind
    return type_found
