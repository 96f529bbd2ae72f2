"""Read a notebook of any format, and mend what keeps it from being shown."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import nbformat
from nbconvert.utils.exceptions import ConversionException
from nbformat import NotebookNode, ValidationError
from nbformat.validator import normalize

__all__ = ["NO_TEXT", "HandoutError", "mend", "read_notebook"]

NEWEST = 4
"""The newest format that nbformat knows."""

NO_TEXT = "is not a notebook: it is no text in UTF-8"

CELLS = ("code", "markdown", "raw")

Parts = dict[str, tuple[type, Any]]

OUTPUTS: dict[str, Parts] = {
    "stream": {"name": (str, "stdout"), "text": (str, "")},
    "display_data": {"data": (dict, {}), "metadata": (dict, {})},
    "execute_result": {"data": (dict, {}), "metadata": (dict, {})},
    "error": {"ename": (str, ""), "evalue": (str, ""), "traceback": (list, [])},
}
"""The parts of each kind of output, with the type and what stands in for one that is missing."""


class HandoutError(ConversionException):
    """A notebook, or an option, that no handout can be made with; the text is one sentence."""


def read_notebook(text: str, name: str) -> NotebookNode:
    """Return the notebook that a file's text holds, in format 4.

    Raises:
        HandoutError: It holds none.

    """
    if not text.strip():
        raise HandoutError(f"{name} is empty")
    try:
        # Some editors begin a file with a mark that is no part of it.
        content = json.loads(text.removeprefix("\ufeff"))
    except ValueError as error:
        line = getattr(error, "lineno", 1)
        raise HandoutError(f"{name} is not a notebook: it is no JSON from line {line} on") from None
    except RecursionError:
        raise HandoutError(f"{name} is not a notebook: its parts are nested too deeply") from None
    major = content.get("nbformat") if isinstance(content, dict) else None
    if type(major) is not int or major < 1:
        raise HandoutError(f"{name} is not a notebook: it does not say which format it has")
    if major > NEWEST:
        raise HandoutError(f"{name} has the format {major}, and the newest known one is {NEWEST}")
    try:
        return upgraded(content, major)
    # Each way of having another structure has an exception of its own.
    except Exception:
        raise HandoutError(
            f"{name} is not a notebook: its structure is not that of format {major}"
        ) from None


def upgraded(content: dict[str, Any], major: int) -> NotebookNode:
    """Return a notebook in format 4."""
    if not isinstance(content.get("metadata"), dict):
        content["metadata"] = {}
    if major == NEWEST:
        # nbformat's own reader makes names up for cells, other ones each time.
        notebook: NotebookNode = nbformat.from_dict(content)
        return notebook
    content.setdefault("nbformat_minor", 0)
    for sheet in content.setdefault("worksheets", []):
        sheet.setdefault("cells", [])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        old = nbformat.reader.reads(json.dumps(content))
        notebook = nbformat.from_dict(nbformat.convert(old, NEWEST))
        return notebook


def mend(notebook: NotebookNode, name: str) -> list[int]:
    """Give a notebook the structure that its format asks for; return which cells had another.

    Raises:
        HandoutError: It has no cells to mend.

    """
    if not isinstance(notebook.get("cells"), list):
        raise HandoutError(f"{name} is not a notebook: it has no list of cells")
    notebook.nbformat_minor = 5
    mended, cells = [], []
    names: set[str] = set()
    for number, cell in enumerate(notebook.cells, 1):
        if isinstance(cell, NotebookNode) and cell.get("cell_type") in CELLS:
            cells.append(cell)
            if mend_cell(cell):
                mended.append(number)
            if not is_name(cell.get("id")) or cell.id in names:
                # Formats before 4.5 have none.
                cell.id = f"cell-{number}"
            names.add(cell.id)
        else:
            mended.append(number)
    notebook.cells = cells
    _, sound = normalize(notebook, relax_add_props=True, strip_invalid_metadata=True)
    try:
        nbformat.validate(sound, relax_add_props=True)
    except ValidationError:
        text = f"{name} is not a notebook: its structure is not that of format {NEWEST}"
        raise HandoutError(text) from None
    notebook.metadata, notebook.cells = sound.metadata, sound.cells
    return mended


def is_name(name: Any) -> bool:
    """Tell whether a cell may be called so."""
    return isinstance(name, str) and re.fullmatch(r"[\w-]{1,64}", name, re.ASCII) is not None


def mend_cell(cell: NotebookNode) -> bool:
    """Give a cell the structure that it should have; tell whether it had another."""
    parts: Parts = {"source": (str, ""), "metadata": (dict, {})}
    if cell.cell_type == "code":
        parts["outputs"] = (list, [])
    changed = mend_parts(cell, parts)
    changed |= mend_tags(cell.metadata)
    if not isinstance(cell.get("attachments", {}), dict):
        del cell["attachments"]
        changed = True
    if cell.cell_type != "code":
        return changed
    if type(cell.setdefault("execution_count", None)) not in (int, type(None)):
        cell.execution_count = None
        changed = True
    sound = [output for output in cell.outputs if is_output(output)]
    changed |= len(sound) < len(cell.outputs)
    cell.outputs = sound
    for output in sound:
        changed |= mend_parts(output, OUTPUTS[output.output_type])
        changed |= mend_tags(output.get("metadata", {}))
        if output.output_type == "error":
            output.traceback = [str(line) for line in output.traceback]
        for kind, data in list(output.get("data", {}).items()):
            # Only what ends so may be anything else than a text.
            if kind.endswith("json"):
                continue
            output.data[kind] = joined(data)
            if not isinstance(output.data[kind], str):
                del output.data[kind]
                changed = True
    return changed


def is_output(output: Any) -> bool:
    return isinstance(output, dict) and output.get("output_type") in OUTPUTS


def mend_tags(metadata: NotebookNode) -> bool:
    """Forget tags that are none; tell whether there were such."""
    tags = metadata.get("tags", [])
    if isinstance(tags, list) and all(isinstance(tag, str) for tag in tags):
        return False
    del metadata["tags"]
    return True


def joined(value: Any) -> Any:
    """Return a text that a file has in lines as one; anything else as it is."""
    lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
    return "".join(value) if lines else value


def mend_parts(node: NotebookNode, parts: Parts) -> bool:
    """Give a part of a notebook all that it should have; tell whether anything was missing."""
    changed = False
    for key, (kind, otherwise) in parts.items():
        if kind is str:
            node[key] = joined(node.get(key))
        if not isinstance(node.get(key), kind):
            node[key] = nbformat.from_dict(otherwise)
            changed = True
    return changed
