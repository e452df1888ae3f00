"""Findings as an HTML page, as `pleura report` makes it."""

from __future__ import annotations

import os
import secrets
import warnings
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from pleura import _pleura
from pleura._pleura import Finding


def report(
    findings: str | os.PathLike[str] | Iterable[Finding],
    out: str | os.PathLike[str],
    *,
    truth: str | os.PathLike[str] | None = None,
    truth_size: tuple[int, int] = (1024, 1024),
    images: Sequence[str | os.PathLike[str]] = (),
    title: str = "Report",
    hash_ids: bool = False,
    salt: bytes | None = None,
    cases: int = 200,
    pictures: int = 384,
    maps: str | os.PathLike[str] | None = None,
) -> Path:
    """Writes findings as one HTML page that opens offline: cases, worst first, and metrics where the truth is known.

    Parameters
    ----------
    findings
        Findings, or the path of a file of them, as `pleura predict --findings` writes it.
    out
        The page. Its path is returned.
    truth, truth_size
        The truth's CSV, and (height, width) of its masks.
    images
        Image files, matched by id. Default: where the findings were read.
    title
        The page's title.
    hash_ids, salt
        Show hashes instead of ids; with the same salt, reports have the same hashes. Default: a random salt.
    cases
        The number of cases with a picture.
    pictures
        The pictures' longer side in pixels; 1024 or more to read them like the original.
    maps
        A folder of maps that `pleura predict --maps` has written.
    """
    path, lines = None, []
    if isinstance(findings, (str, os.PathLike)):
        path = findings
    else:
        lines = [finding.to_json() for finding in findings]
    page, remarks = _pleura._report(
        path,
        lines,
        truth=truth,
        truth_size=truth_size,
        images=list(images),
        title=title,
        salt=(salt or secrets.token_bytes(32)) if hash_ids else None,
        cases=cases,
        pictures=pictures,
        maps=maps,
        made=f"Made on {date.today():%-d %B %Y}",
    )
    for remark in remarks:
        warnings.warn(remark, stacklevel=2)
    beside = Path(f"{os.fspath(out)}.part")
    beside.write_text(page, encoding="utf-8")
    return beside.replace(out)
