"""The twin of Mem0 Platform (`/v3` add, search and list; `/v1` for the rest).

app            the routes in the order they are tried, the guard, the ways to say no
memories       add; get, update, delete and history by id; deletion by entity
searching      search and list, which `finding` answers and `paging` cuts
batch, entities, exports, feedback, journal   the other endpoints; `journal` has the events
legacy         the paths and shapes of `/v1` and `/v2` for older clients
control        what is set below `/_twin`

reading        checks of what requests hold; `errors` writes the refusals
filters        the grammar of filters, over the fields of `conditions`
extraction     what an add learns; `near` says what is the same, `categories` files it
shaping        an export's document
events         the queue of jobs
store, schema  rows, and the tables they stand in
"""
