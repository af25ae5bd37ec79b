"""A process that pushes as the Pusher does and says what it found; TensorFlow reads its environment once.

python -m tests.components.push.push_to MODEL OTHER BASE COPY
"""

from __future__ import annotations

import json
import sys


def main(model: str, other: str, base: str, copy: str) -> None:
    from components.push.publish import publish
    from components.push.versions import complete_versions, newest_other
    from components.storage import copy_tree, tree_digest

    before = complete_versions(base)
    first = publish(model, base)
    again = publish(model, base)
    second = publish(other, base)
    compared = newest_other(base, other)
    assert compared is not None
    copy_tree(compared.path, copy)
    result = {
        "before": before,
        "published": [first.published, again.published, second.published],
        "path": first.path,
        "versions": [first.version, second.version],
        "complete": complete_versions(base),
        "compared": compared.version,
        "same": tree_digest(copy) == tree_digest(model) == tree_digest(first.path),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
