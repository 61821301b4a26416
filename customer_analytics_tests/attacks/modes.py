"""Who may do what with files."""

import stat
from pathlib import Path


def open_to_others(home: Path) -> dict[str, str]:
    """The files and folders of the state folder that others may read, write or enter, with their modes."""
    found = [home, *home.rglob("*")]
    return {
        str(path.relative_to(home)): oct(stat.S_IMODE(path.lstat().st_mode))
        for path in found
        if not path.is_symlink() and stat.S_IMODE(path.lstat().st_mode) & 0o077
    }
