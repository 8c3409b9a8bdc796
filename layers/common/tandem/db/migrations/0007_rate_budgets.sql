-- How often each provider may be called by all containers together, who share one key: a bucket of
-- calls that fills steadily, and the time until which the provider has asked to be left alone.

create table rate_budgets (
    provider     text primary key,
    tokens       double precision not null default 0,    -- calls left at `counted_at`; below zero, too many have gone out
    counted_at   timestamptz not null default now(),
    paused_until timestamptz not null default 'epoch'    -- the provider said 429
) with (fillfactor = 10);                                -- rewritten all day: the new version stays in the page

insert into rate_budgets (provider) values ('zep'), ('mem0'), ('gemini');

-- Takes calls out of the buckets of several providers: `told` have gone out already, `asked` are to
-- (if `asking`), of which as many are granted as are there above the share `keep` of the bucket.
-- `wait_seconds`: 0 when something was granted, else until one call is there and no pause holds.
--
-- A bucket holds a twentieth of a minute's calls, but two at least, and fills by what is left of
-- them in 63 seconds: so whoever sends a call within three seconds of its grant is in no minute one
-- too many. What is only told puts the bucket into debt, at most by twice its size: more than six
-- seconds, which is longer than a turn waits for a model rather than be refused.
--
-- Rows are locked in one order and only if something is taken; without a limit (0) nothing is. The
-- clock is read after the lock: a statement may have waited for it. Where somebody has deleted a
-- provider's row nothing is counted, and everything granted until a pause makes it anew.
create function take_calls(
    names text[], per_minute int[], told int[], asked int[], keep double precision,
    asking boolean default true, at_time timestamptz default null
) returns table (name text, granted int, wait_seconds double precision)
language plpgsql as $$
declare
    one record;
    bucket record;
    taking boolean;
    capacity double precision;
    a_second double precision;
    level double precision;
    at_moment timestamptz;
    counted timestamptz;
begin
    for one in
        select u.name, u.a_minute, u.told, case when asking then u.asked else 0 end as asked
          from unnest(names, per_minute, told, asked) u (name, a_minute, told, asked)
         order by u.name
    loop
        taking := one.a_minute > 0 and one.told + one.asked > 0;
        if taking then
            select b.tokens, b.counted_at, b.paused_until into bucket
              from rate_budgets b where b.provider = one.name for no key update;
        else
            select b.tokens, b.counted_at, b.paused_until into bucket
              from rate_budgets b where b.provider = one.name;
        end if;
        name := one.name;
        granted := one.asked;
        wait_seconds := 0;
        if not found then
            return next;
            continue;
        end if;
        at_moment := coalesce(at_time, clock_timestamp());
        counted := greatest(bucket.counted_at, at_moment);   -- a clock may have been set back
        if one.a_minute > 0 then
            capacity := greatest(2, one.a_minute / 20.0);
            a_second := (one.a_minute - capacity) / 63;
            level := least(capacity, bucket.tokens + a_second
                                     * extract(epoch from counted - bucket.counted_at)) - one.told;
            level := greatest(level, -2 * capacity);
            granted := greatest(0, least(one.asked, floor(level - keep * capacity)));
            if granted = 0 then
                wait_seconds := greatest(0, (1 + keep * capacity - level) / a_second);
            end if;
        end if;
        if bucket.paused_until > at_moment then
            granted := 0;
            wait_seconds := greatest(wait_seconds,
                                     extract(epoch from bucket.paused_until - at_moment));
        end if;
        if taking then
            update rate_budgets b set tokens = level - granted, counted_at = counted
             where b.provider = one.name;
        end if;
        return next;
    end loop;
end
$$;
