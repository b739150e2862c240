"""Find out whether wandb has a login; imports neither wandb nor torch."""

import netrc
import os
from urllib.parse import urlsplit

PUBLIC = ("api.forge.coreweave.com", "forge.coreweave.com", "api.wandb.ai")  # wandb's own hosts


def has_login() -> bool:
    """Return whether a key is at hand, found without asking anybody and without the network.

    From version 0.31 on, ``wandb login`` keeps the key under another host than before; both count.
    """
    if os.environ.get("WANDB_API_KEY"):
        return True
    own = urlsplit(os.environ.get("WANDB_BASE_URL", "")).netloc
    hosts = PUBLIC if own in ("", *PUBLIC) else (own,)
    try:
        known = netrc.netrc(os.environ.get("NETRC"))
    except (OSError, netrc.NetrcParseError):
        return False
    return any(known.authenticators(host) is not None for host in hosts)
