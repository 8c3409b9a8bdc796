-- Since when a call's outcome is unknown, and when somebody will come for a session's words again.

alter table delivery_leases
    add column unclear_since timestamptz,  -- the call had begun by then; null: long ago
    add column wake_at timestamptz;        -- for when the last wake-up was ordered
