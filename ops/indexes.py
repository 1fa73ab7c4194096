"""Where packages come from: what a person told pip holds for uv and Node too."""

from collections.abc import Mapping


def pip_settings(listed: str) -> dict[str, str]:
    """Read what ``pip config list`` prints; a later source overrides an earlier one, as in pip."""
    settings: dict[str, str] = {}
    for source in ("global.", "install.", ":env:."):
        for line in listed.splitlines():
            name, equals, value = line.partition("=")
            if equals and name.startswith(source):
                settings[name.removeprefix(source)] = value.strip().strip("'\"")
    return settings


def uv_environment(pip: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` with pip's settings under the names that uv reads.

    uv reads no configuration of pip's, so a machine behind a proxy or an index of its own would
    work with one and not with the other. What the person told uv himself stays.
    """
    meant = {
        "index-url": ["UV_DEFAULT_INDEX"],
        "extra-index-url": ["UV_INDEX"],
        "find-links": ["UV_FIND_LINKS"],
        "no-index": ["UV_NO_INDEX"],
        "trusted-host": ["UV_INSECURE_HOST"],
        "cert": ["SSL_CERT_FILE"],
        "proxy": ["HTTPS_PROXY", "HTTP_PROXY"],
        "default-timeout": ["UV_HTTP_TIMEOUT"],
        "timeout": ["UV_HTTP_TIMEOUT"],
    }
    told = {name: " ".join(pip[key].split()) for key, names in meant.items() if key in pip for name in names}
    own = {name: value for name, value in environ.items() if not name.startswith("PYTHON")}
    return {"UV_NO_PROGRESS": "1"} | told | own
