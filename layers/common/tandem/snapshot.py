"""What a function does around a SnapStart snapshot: nothing live or secret goes into it."""

import gc
import random
from collections.abc import Callable


def ready_for_snapshot(*let_go: Callable[[], object]) -> None:
    """Registers what must be let go before the snapshot, and new randomness after each restore.

    Every container starts from the same memory, so a connection, a secret or the state of
    `random` in it would be shared by all. `uuid4`, `secrets` and argon2's salts draw from the
    kernel and are safe as they are. Where the runtime has no hooks (a test) there is no snapshot
    either, and nothing is registered.

    What INIT has loaded lives as long as the container, so the garbage collector is told not to
    look at it again: going through it all takes 0.1 s, in the middle of somebody's request.

    Args:
        let_go: called before the snapshot; each must leave its owner usable.
    """
    gc.freeze()
    try:
        import snapshot_restore_py as hooks  # noqa: PLC0415 - brought by Lambda's runtime alone
    except ImportError:
        return
    for action in let_go:
        hooks.register_before_snapshot(action)
    hooks.register_after_restore(random.seed)
