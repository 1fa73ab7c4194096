"""Browser code of others, as the registry's client installed it: only what this list names is given out."""

from collections.abc import Mapping
from pathlib import Path

from flask import Blueprint, abort, send_file
from werkzeug.wrappers import Response

vendor = Blueprint("vendor", __name__)

ROOT = Path(__file__).resolve().parent.parent / "node_modules"
#: Name in the address → file of the package.
FILES: Mapping[str, str] = {"signature_pad.js": "signature_pad/dist/signature_pad.js"}


@vendor.get("/static/at/<mark>/vendor/<name>")
@vendor.get("/static/vendor/<name>")
def file(name: str, mark: str = "") -> Response:
    """Return one file; 404 where it is not installed, and pages do without."""
    del mark  # stands there because a script's relative addresses inherit it
    path = ROOT / FILES.get(name, "-")
    if name not in FILES or not path.is_file():
        abort(404)
    return send_file(path, mimetype="text/javascript", max_age=3600)
