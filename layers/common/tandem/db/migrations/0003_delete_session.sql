-- Deleting a session. A function, because one plain statement reads all tables as they stood when it
-- began: having waited for the session's lock it would not see what a commit that held the lock has
-- just owed. In a function each statement looks afresh, and the caller still makes one round trip.

create function delete_session(owner uuid, label text)
returns table (session_row uuid, thread_owed boolean)
language plpgsql volatile
as $$
#variable_conflict use_column
declare
    gone uuid;
    at_zep boolean;
begin
    -- The lock comes first: commits and opened turns hold it, and see this deletion or come before it.
    select s.id into gone
      from sessions s
     where s.account_id = owner and s.session_id = label and s.deleted_at is null
       for no key update;
    if not found then
        return;
    end if;

    -- Whoever owes Zep something may be making the thread at this moment, under the lease.
    at_zep := exists (select from sessions s where s.id = gone and s.zep_thread_uuid is not null)
           or exists (select from deliveries d where d.session_row = gone and d.store = 'zep')
           or exists (select from delivery_leases l where l.session_row = gone and l.store = 'zep');

    update sessions s
       set deleted_at = clock_timestamp(), title = null,
           thread_deletion = case when at_zep then 'owed' end
     where s.id = gone;
    update turns t
       set state = case t.state when 'open' then 'abandoned' else t.state end,
           message = null, reply = null, answer = null, request_hash = null,
           wiped_at = coalesce(t.wiped_at, clock_timestamp())
     where t.session_row = gone;
    update deliveries d
       set state = 'cancelled', finished_at = clock_timestamp()
     where d.session_row = gone and d.state in ('owed', 'sent');
    delete from idempotency_keys k
     using turns t
     where t.session_row = gone and k.turn_id = t.id;

    return query select gone, at_zep;
end
$$;
