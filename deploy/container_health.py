"""Whether the node in this container answers: exit 0, else 1. Asks itself at /healthz."""

from __future__ import annotations

import http.client
import os
import ssl
import sys


def main() -> int:
    host, port = "127.0.0.1", int(os.environ.get("FAIRVIEW_SERVER__PORT", "8443"))
    # Its own certificate, on its own loopback: who answers is not in question.
    trusting = ssl.create_default_context()
    trusting.check_hostname = False
    trusting.verify_mode = ssl.CERT_NONE
    for talk in (
        http.client.HTTPSConnection(host, port, timeout=8, context=trusting),
        http.client.HTTPConnection(host, port, timeout=8),
    ):
        try:
            talk.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
            if talk.getresponse().status == 200:
                return 0
        except (OSError, http.client.HTTPException):
            continue
        finally:
            talk.close()
    return 1


if __name__ == "__main__":
    sys.exit(main())
