-- Which turns have had their time: the sweep asks every minute, and most turns are wiped already.

create index turns_with_text on turns (said_at) where wiped_at is null;
