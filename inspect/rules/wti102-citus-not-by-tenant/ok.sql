-- profile: citus
-- Planned for a cluster: nothing is distributed before there is one.
select 1;
