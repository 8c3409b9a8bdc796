"""Tidying one person's two memories: what says the same, what has been replaced, what clashes.

Without any I/O:

    statement     what is read, decided and planned, as plain values
    nearest       which vectors lie near each other, in time about linear in their number
    shared_words  which texts share rare words
    shortlist     which pairs are worth a judge's decision
    guards        what a judge's `same` must not overlook
    quantities    the numbers that a text states, in units that can be compared
    grouping      which statements say the same, as clusters
    relations     which cluster takes another's place, which clash
    outlook       what becomes of each cluster
    plan          the change set that follows
    budget        how much of it one run carries out

With the stores, the database and the judge: reading, picture, judge, judging, run, progress,
undo, disputes. What is asked for comes in by routes, schemas and service; wiring, serving and
endpoints put it all together.
"""
