"""What people get while something is broken: `make faults`, or `python -m faults [part …]`.

Three parts, each on a stack of its own with real Lambda runtime processes:

- `matrix`: every fault of every service at each of the six endpoints that people use all the time.
  What has to come of each cell stands in `expected.py`, what came of it in docs/fault-matrix.md,
  which `python -m faults --write` writes.
- `one_key`: one request sent 50 times at once with one Idempotency-Key, over eight containers;
  and the same with the process that answers it killed.
- `hanging`: some 200 turns while neither memory answers anything: before the breakers open,
  after that, and while they probe.

Where to begin: `matrix.py` has the course of the first part, `kinds.py` how a service is broken,
`world.py` where the wires lie that break it. A new fault is an entry in `kinds.py` and its row in
`expected.py`; a test says when one of the two is missing.
"""
