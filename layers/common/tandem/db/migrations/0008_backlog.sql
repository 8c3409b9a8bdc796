-- How things stand, asked once a minute: what has been owed for longest, and what was refused of late.
-- Both are few, whatever the ledger has grown to.

create index deliveries_owed on deliveries (owed_at) where state = 'owed';
create index deliveries_refused on deliveries (finished_at) where state = 'refused';
