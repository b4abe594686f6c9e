-- profile: citus
select 1;
