"""What went wrong with one photo of many, in a sentence."""

import traceback
from pathlib import Path


class PhotoError(ValueError):
    """One photo of many has no result; the text is one sentence that names it and says why."""


def photo_error(photo: object, error: BaseException) -> PhotoError:
    """Say what went wrong with a photo.

    Parameters
    ----------
    photo : str, Path or StoredPhoto
        How the user named it.
    error : BaseException
        Whatever reading, predicting or writing it raised.

    Returns
    -------
    PhotoError
    """
    return PhotoError(_sentence(photo, error))


def _sentence(photo: object, error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or "out of memory" in text.lower():
        return f"{photo}: too little memory for this photo; shrink it, or close other programs"
    if isinstance(error, OSError):
        return f"{photo}: {error.filename or 'a file'} cannot be read or written ({error.strerror or text})"
    if isinstance(error, ValueError):
        return text if str(photo) in text else f"{photo}: {text}"
    place = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"{photo}: unexpected {type(error).__name__} ({text}) in {Path(place.filename).name}, line "
        f"{place.lineno}; please report it together with the photo"
    )
