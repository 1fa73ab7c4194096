"""QR codes, drawn on the server as one path: no picture to fetch, nothing of another origin."""

import segno
from markupsafe import Markup

#: Light modules round the code that readers need, by the standard.
QUIET = 4


def qr(text: str, label: str) -> Markup:
    """Return ``text`` as a QR code; ``label`` says to those who cannot see it what it is."""
    code = segno.make(text, error="m", micro=False)
    size = len(code.matrix) + 2 * QUIET
    path = "".join(
        f"M{x + QUIET} {y + QUIET}h1v1h-1z"
        for y, line in enumerate(code.matrix)
        for x, dark in enumerate(line)
        if dark
    )
    return Markup(
        '<svg class="qr" role="img" aria-label="{}" viewBox="0 0 {} {}" width="132" height="132" '
        'shape-rendering="crispEdges"><rect width="100%" height="100%" fill="#fff"/><path d="{}"/></svg>'
    ).format(label, size, size, path)
