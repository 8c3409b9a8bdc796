"""The twin of Zep Cloud's memory API, v4 (`/api/v4`).

A call goes through `app`, is checked and answered by one of the handlers, and leaves a task where
the service works later. Handlers know HTTP; what is below them knows rows.

    app             the parts put together; the key, the limit and the envelope of every call
    idempotency     a write that is sent again; rate_limit: calls in a minute
    errors          refusals in the v4 envelope

    Handlers, each with its routes at the top:
    users  threads  messages  graphs  nodes  edges  episodes  searches  lookups
    progress        tasks as callers see them, and the control endpoint of ingestion

    What handlers read of a request:
    checks          fields, limits, the query; items: those of nodes and edges
    filters         what narrows a list or search, as SQL; predicates: conditions on JSON
    paging          pages and cursors

    What happens later:
    tasks           the queue; ingestion: messages and texts become part of the graph
    graph           what one statement does to the graph: newer evidence ends what it contradicts
    placing         nodes and edges added as they are; forgetting: what a deletion takes along
    summaries       of threads; observations: facts that were stated again
    indexing        the words by which things are found

    What is answered:
    rows            users, threads, messages and episodes; reading: edges and nodes, by the page
    ranking         the ranked set of a search, and the rerankers
    context         the block of text for a prompt
    traces          how an episode was ingested

    schema          the tables
"""
