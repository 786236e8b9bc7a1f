"""The command that brings what is missing, from where evenpick itself was installed."""

import json
import sys


def install_command(extra: str) -> str:
    """What to type for an extra: of a checkout, of a file or repository, or of the package index; with pip, pipx or uv."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        origin = distribution("evenpick").read_text("direct_url.json")
    except PackageNotFoundError:  # run from its sources
        origin = None
    return command_for(extra, origin, sys.prefix)


def command_for(extra: str, origin: str | None, prefix: str) -> str:
    """The command by what `direct_url.json` of the installed package says (PEP 610), and by the environment's folder."""
    from urllib.parse import unquote, urlsplit

    facts = json.loads(origin) if origin else {}
    what = f"evenpick[{extra}]"
    if "dir_info" in facts:
        what = f"{unquote(urlsplit(facts['url']).path)}[{extra}]"
    elif "vcs_info" in facts:
        version = facts["vcs_info"].get("requested_revision") or facts["vcs_info"]["commit_id"]
        what += f" @ {facts['vcs_info']['vcs']}+{facts['url']}@{version}"
    elif facts:
        what += f" @ {facts['url']}"
    editable = "-e " if facts.get("dir_info", {}).get("editable") else ""
    folders = prefix.replace("\\", "/")
    if "/pipx/venvs/" in folders:
        return f"pipx install --force {editable}'{what}'"
    if "/uv/tools/" in folders:
        return f"uv tool install --force {editable}'{what}'"
    return f"pip install {editable}'{what}'"
