"""Where results are kept: a folder on a disk or in an object store, behind put, get and names.

A file is there as a whole or not at all, in both: on a disk it is renamed once it is complete, and an object store
shows an object once its last byte has come.
"""

import errno
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from filelock import FileLock

from posepart.io.files import write_atomically

_FOLDERS = "[0-9a-f][0-9a-f]"  # of results, where there are too many for one folder; see `result_names`
_LOCK = ".run.lock"
_SCHEME = "://"
_REQUESTS = 16  # to an object store at the same time


class Store(Protocol):
    """A folder of result files; names may have one folder before them, with a slash."""

    @property
    def at_once(self) -> int:
        """How many files are best read at the same time."""
        ...

    def put(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Write a file, as `files.write_atomically` does."""
        ...

    def get(self, name: str) -> bytes:
        """The content of a file; `FileNotFoundError` if there is none."""
        ...

    def names(self) -> list[str]:
        """The names of all files, sorted, those in folders of results among them, without hidden ones."""
        ...

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def lock(self) -> AbstractContextManager[bool]:
        """Keep other processes, on any machine, from changing what belongs to all photos; False if it cannot."""
        ...


def store_of(out: "str | Path | Store") -> Store:
    """The store that a path or an address, such as s3://bucket/out, names.

    Raises
    ------
    ValueError
        The package that reads such an address is missing.
    """
    if isinstance(out, Folder | Bucket):
        return out
    return Bucket(str(out)) if is_address(out) else Folder(Path(str(out)))


def is_address(name: object) -> bool:
    """Whether a name is an address of an object store, not a path."""
    return isinstance(name, str) and _SCHEME in name


@dataclass(frozen=True)
class Folder:
    """A folder of a file system, which several machines may share."""

    path: Path
    at_once: int = 1  # see `Store`

    def __str__(self) -> str:
        return str(self.path)

    def put(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """See `Store`."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write)

    def get(self, name: str) -> bytes:
        """See `Store`."""
        return (self.path / name).read_bytes()

    def names(self) -> list[str]:
        """See `Store`."""
        found = [path.name for path in self.path.glob("[!.]*") if path.is_file()]
        found += [f"{path.parent.name}/{path.name}" for path in self.path.glob(f"{_FOLDERS}/[!.]*")]
        return sorted(found)

    def has(self, name: str) -> bool:
        """See `Store`."""
        return (self.path / name).is_file()

    def remove(self, name: str) -> None:
        """See `Store`."""
        (self.path / name).unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[bool]:
        """See `Store`. The lock ends with the process that holds it, however that ends."""
        path = self.path / _LOCK
        with FileLock(path):
            try:
                yield True
            finally:
                with suppress(OSError):  # Windows keeps open files; those who wait see it go
                    path.unlink()


@dataclass(frozen=True)
class Bucket:
    """A folder of an object store, or of another file system that fsspec knows, by its address."""

    address: str
    at_once: int = _REQUESTS  # see `Store`

    def __post_init__(self) -> None:
        _file_system(self.address)

    def __str__(self) -> str:
        return self.address

    def put(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """See `Store`."""
        content = io.BytesIO()
        write(content)
        with _said(self.address):
            _file_system(self.address).pipe_file(self._path(name), content.getvalue())

    def get(self, name: str) -> bytes:
        """See `Store`."""
        with _said(self.address):
            return bytes(_file_system(self.address).cat_file(self._path(name)))

    def names(self) -> list[str]:
        """See `Store`."""
        start = f"{_path_in_store(self.address)}/"
        with _said(self.address):
            system = _file_system(self.address)
            system.invalidate_cache()
            paths = system.find(start, maxdepth=2)
        names = [path.removeprefix(start.lstrip("/")) for path in (p.lstrip("/") for p in paths)]
        return sorted(name for name in names if _is_result_name(name))

    def has(self, name: str) -> bool:
        """See `Store`."""
        with _said(self.address):
            return bool(_file_system(self.address).isfile(self._path(name)))

    def remove(self, name: str) -> None:
        """See `Store`."""
        with _said(self.address), suppress(FileNotFoundError):
            _file_system(self.address).rm_file(self._path(name))

    def lock(self) -> AbstractContextManager[bool]:
        """See `Store`. Object stores have no locks."""
        return nullcontext(False)

    def _path(self, name: str) -> str:
        return f"{_path_in_store(self.address)}/{name}"


@dataclass(frozen=True, order=True)
class StoredPhoto:
    """A photo in an object store; has what is asked of a `Path` where photos are named."""

    address: str

    def __str__(self) -> str:
        return self.address

    @property
    def name(self) -> str:
        """The file name."""
        return self.address.rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The file name without its suffix."""
        return Path(self.name).stem

    @property
    def folder(self) -> str:
        """The name of the folder that it is in."""
        return self.address.split("/")[-2]

    def state(self) -> tuple[int, int, int]:
        """What changes with the content: size, time of the last change (ns since 1970), a number from its tag."""
        with _said(self.address):
            info = _file_system(self.address).info(_path_in_store(self.address))
        modified = info.get("LastModified", info.get("mtime", info.get("created")))
        seconds = modified.timestamp() if hasattr(modified, "timestamp") else float(modified or 0)
        tag = str(info.get("ETag", "")).strip('"').partition("-")[0]
        return int(info["size"]), round(seconds * 1e9), int(tag[:12] or "0", 16)


PhotoFile = Path | StoredPhoto


@contextmanager
def local_copy(photo: PhotoFile) -> Iterator[Path]:
    """A photo as a file of this machine; errors that name the file name the photo instead."""
    if isinstance(photo, Path):
        yield photo
        return
    with tempfile.TemporaryDirectory(prefix="posepart") as folder:
        copy = Path(folder) / photo.name
        try:
            with _said(photo.address):
                _file_system(photo.address).get_file(_path_in_store(photo.address), str(copy))
        except FileNotFoundError:
            raise ValueError(f"{photo}: no such file; check the address") from None
        try:
            yield copy
        except ValueError as error:
            raise ValueError(str(error).replace(str(copy), str(photo))) from None


def stored_photos(address: str, recursive: bool) -> list[StoredPhoto]:
    """All files of a folder in an object store, or the one that the address names, sorted, without hidden ones."""
    with _said(address):
        system, path = _file_system(address), _path_in_store(address)
        system.invalidate_cache()
        if system.isfile(path):
            return [StoredPhoto(address)]
        found = system.find(path, maxdepth=None if recursive else 1)
    start, root = path.strip("/"), address.rstrip("/")
    names = sorted(name.strip("/").removeprefix(f"{start}/") for name in found)
    return [
        StoredPhoto(f"{root}/{name}")
        for name in names
        if not any(part.startswith(".") for part in name.split("/"))
    ]


@lru_cache(maxsize=64)
def _file_system_of(scheme: str, _process: int) -> Any:
    try:
        import fsspec

        return fsspec.filesystem(scheme, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise ValueError(
            f"{scheme}{_SCHEME}: no package here reads such addresses ({error}); pip install "
            f'"posepart[remote]" brings S3, and fsspec lists the packages of other stores'
        ) from None


def _file_system(address: str) -> Any:
    """The file system of fsspec for an address, one for every process."""
    return _file_system_of(address.partition(_SCHEME)[0], os.getpid())


def _path_in_store(address: str) -> str:
    return str(_file_system(address)._strip_protocol(address)).rstrip("/")


def _is_result_name(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    in_folder = len(folder) == 2 and set(folder) <= set("0123456789abcdef")
    return not file.startswith(".") and (folder == "" or in_folder)


@contextmanager
def _said(address: str) -> Iterator[None]:
    """Turn errors of a store's own kind into one that names the address; those of files stay."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise OSError(error.errno or errno.EIO, error.strerror or str(error), address) from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise OSError(errno.EIO, reason, address) from None
