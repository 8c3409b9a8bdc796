"""Tidying one person's two memories: what says the same, what has been replaced, what clashes.

Pure code, without any I/O:

    statement   what is read, decided and planned, as plain values
    nearest     which vectors lie near each other, in time about linear in their number
    shortlist   which pairs are worth a judge's decision
    guards      what a judge's `same` must not overlook
    grouping    which statements say the same, as clusters
    plan        the change set that follows from what was read and decided
"""
