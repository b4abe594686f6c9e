-- +goose Up
-- Sealing, retention, redaction and erasure. Whoever does these holds the
-- rights to call the functions, not the rights to change the tables.

-- +goose StatementBegin
create function watertight.audit_seal_begin() returns table (epoch smallint, low xid8, high xid8)
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  s       watertight.audit_sealer;
  cluster bigint;
begin
  select * into s from watertight.audit_sealer for update; -- only one sealer
  begin
    select system_identifier into cluster from pg_control_system();
  exception when insufficient_privilege or undefined_function then
    null;
  end;
  -- Every transaction below xmin has ended: its events can be seen, or never
  -- will be. A mark at the greatest id would lose the ones that commit late.
  epoch := s.epoch;
  low   := s.hwm;
  high  := pg_snapshot_xmin(pg_current_snapshot());
  if cluster is distinct from s.system_id and s.system_id is not null and cluster is not null then
    raise exception 'the audit log was sealed in another cluster: this database is a restored copy'
      using errcode = '55000', constraint = 'watertight_audit_cluster';
  end if;
  if high < low then
    raise exception 'transaction ids went back since the audit log was sealed: this database is a restored copy'
      using errcode = '55000', constraint = 'watertight_audit_cluster';
  end if;
  return next;
end $$;
-- +goose StatementEnd
comment on function watertight.audit_seal_begin() is
  'Takes the sealer''s lock until the transaction ends, and says which transactions it may seal: from low up to but not including high.';

-- +goose StatementBegin
create function watertight.audit_seal_end(p_low xid8, p_high xid8, p_last_id bigint,
    tenants uuid[], sizes bigint[], ranges bytea[], notes text[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  bad uuid;
begin
  update watertight.audit_sealer
    set hwm = p_high, last_id = greatest(last_id, p_last_id), sealed_at = clock_timestamp()
    where hwm = p_low and p_high >= p_low and p_high <= pg_snapshot_xmin(pg_current_snapshot());
  if not found then
    raise exception 'another sealer was here (run audit_seal_begin in the same transaction)' using errcode = '55000';
  end if;
  select u.t into bad from unnest(tenants, sizes, ranges, notes) u(t, size, range, note)
    left join watertight.audit_tree e on e.tenant_id = u.t
    where u.size <= coalesce(e.size, 0) or octet_length(u.range) <> 32 * bit_count(u.size::bit(64))
      or u.note is null limit 1;
  if bad is not null then
    raise exception 'the tree of % would not grow', bad using errcode = '55000';
  end if;
  insert into watertight.audit_tree (tenant_id, size, range)
    select u.t, u.size, u.range from unnest(tenants, sizes, ranges) u(t, size, range)
    on conflict (tenant_id) do update set size = excluded.size, range = excluded.range;
  -- Of each day the last one stays, and the newest.
  delete from watertight.audit_checkpoint c
    where c.tenant_id = any (tenants) and (c.at at time zone 'UTC')::date = (clock_timestamp() at time zone 'UTC')::date;
  insert into watertight.audit_checkpoint (tenant_id, size, note)
    select u.t, u.size, u.note from unnest(tenants, sizes, notes) u(t, size, note);
end $$;
-- +goose StatementEnd
comment on function watertight.audit_seal_end(xid8, xid8, bigint, uuid[], bigint[], bytea[], text[]) is
  'Stores the trees that grew, their signed heads, and how far the sealer has come. Refuses a tree that does not grow.';

-- What the library itself writes into a log while it works on it.
-- +goose StatementBegin
create function watertight.audit_note(t uuid, action text, details json) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  if action not in ('watertight.exported', 'watertight.disclosed') then
    raise exception 'an operator''s note is of an export or a disclosure, not of %', action using errcode = '22023';
  end if;
  perform watertight.audit_put_operator(t, action, details);
end $$;
-- +goose StatementEnd
comment on function watertight.audit_note(uuid, text, json) is 'Records that an operator took a copy of a log.';

-- +goose StatementBegin
create function watertight.audit_put_operator(t uuid, action text, details json) returns void
  language plpgsql
as $$
begin
  insert into watertight.audit_event (tenant_id, action, actor_kind, actor_email, ip, app_version, diff)
    values (t, action, 'database', concat_ws(' as ', session_user, nullif(nullif(current_setting('role'), 'none'), session_user)),
      inet_client_addr(), 'none', details);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.audit_prune(t uuid, p_epoch smallint, p_xid xid8, p_id bigint, p_pruned bigint, p_range bytea) returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  tree   watertight.audit_tree;
  s      watertight.audit_sealer;
  keep   int;
  n      bigint;
  first  timestamptz;
  last   timestamptz;
begin
  select * into tree from watertight.audit_tree where tenant_id = t for update;
  select * into s from watertight.audit_sealer;
  keep := coalesce((select days from watertight.audit_retention where tenant_id = t), 180);
  if tree.tenant_id is null or p_pruned <= tree.pruned or p_pruned > tree.size
    or octet_length(p_range) <> 32 * bit_count(p_pruned::bit(64)) or (p_epoch, p_xid) >= (s.epoch, s.hwm)
  then
    raise exception 'only a sealed prefix of the log can be pruned' using errcode = '22023';
  end if;
  with gone as (
    delete from watertight.audit_event
    where tenant_id = t and (epoch, xid, id) <= (p_epoch, p_xid, p_id)
    returning at
  )
  select count(*), min(at), max(at) into n, first, last from gone;
  if n <> p_pruned - tree.pruned then
    raise exception '% events stand before the end of the prefix, not %', n, p_pruned - tree.pruned using errcode = '55000';
  end if;
  if last >= clock_timestamp() - make_interval(days => keep) then
    raise exception 'events younger than the % days of the tenant''s retention are not pruned', keep using errcode = '42501';
  end if;
  update watertight.audit_tree set pruned = p_pruned, pruned_range = p_range where tenant_id = t;
  delete from watertight.audit_checkpoint where tenant_id = t and size < p_pruned;
  perform watertight.audit_put_operator(t, 'watertight.pruned',
    json_build_object('events', n, 'pruned', p_pruned, 'from', first, 'to', last));
  return n;
end $$;
-- +goose StatementEnd
comment on function watertight.audit_prune(uuid, smallint, xid8, bigint, bigint, bytea) is
  'Deletes the oldest events of a tenant, which must be sealed and past the tenant''s retention, and keeps what verifies the rest: a compact range.';

-- +goose StatementBegin
create function watertight.audit_retain(t uuid, p_days int) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
begin
  insert into watertight.audit_retention values (t, p_days)
    on conflict (tenant_id) do update set days = excluded.days;
  perform watertight.audit_put_operator(t, 'watertight.retention', json_build_object('days', p_days));
end $$;
-- +goose StatementEnd
comment on function watertight.audit_retain(uuid, int) is 'Sets how many days, 30 to 180, a tenant''s events are kept.';

-- Length-prefixed, as in package audit.
create function watertight.audit_lp(b bytea) returns bytea
  language sql immutable parallel safe
  return case when b is null then '\x00'::bytea else '\x01'::bytea || pg_catalog.int4send(pg_catalog.octet_length(b)) || b end;

-- +goose StatementBegin
create function watertight.audit_redact(t uuid, ids bigint[], actor boolean, what boolean) returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  s watertight.audit_sealer;
  n bigint;
begin
  if not (actor or what) then
    raise exception 'nothing to redact: neither the actor nor the values were named' using errcode = '22023';
  end if;
  select * into s from watertight.audit_sealer;
  update watertight.audit_event e set
    c_actor = case when actor and salt_actor is not null
      then sha256('\x02'::bytea || uuid_send(salt_actor) || watertight.audit_lp(convert_to(actor_id, 'UTF8'))
        || watertight.audit_lp(convert_to(actor_email, 'UTF8')) || watertight.audit_lp(inet_send(ip))) else c_actor end,
    salt_actor  = case when actor then null else salt_actor end,
    actor_id    = case when actor then null else actor_id end,
    actor_email = case when actor then null else actor_email end,
    ip          = case when actor then null else ip end,
    c_diff = case when what and salt_diff is not null
      then sha256('\x03'::bytea || uuid_send(salt_diff) || watertight.audit_lp(convert_to(reason, 'UTF8'))
        || watertight.audit_lp(convert_to(diff::text, 'UTF8'))) else c_diff end,
    salt_diff = case when what then null else salt_diff end,
    reason    = case when what then null else reason end,
    diff      = case when what then null else diff end
  where e.tenant_id = t and e.id = any (ids)
    and (e.epoch, e.xid) < (s.epoch, s.hwm); -- what is not sealed yet has no commitment to keep
  get diagnostics n = row_count;
  if n > 0 then
    perform watertight.audit_put_operator(t, 'watertight.redacted', json_build_object('events', n, 'actor', actor, 'values', what));
  end if;
  return n;
end $$;
-- +goose StatementEnd
comment on function watertight.audit_redact(uuid, bigint[], boolean, boolean) is
  'Replaces the actor, the values, or both of sealed events by the commitments that the tree is made of. The values and their salts are gone; the tree still verifies.';

-- +goose StatementBegin
create function watertight.audit_erase(t uuid) returns bigint
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  tree   watertight.audit_tree;
  status text := watertight.audit_tenant_status(t);
  head   text;
  n      bigint;
begin
  if t = '00000000-0000-0000-0000-000000000000' or status in ('active', 'suspended') then
    raise exception 'the log of a tenant that is not closing is not erased' using errcode = '42501',
      hint = 'Close the tenant first.';
  end if;
  select * into tree from watertight.audit_tree where tenant_id = t for update;
  select note into head from watertight.audit_checkpoint where tenant_id = t order by size desc limit 1;
  delete from watertight.audit_event where tenant_id = t;
  get diagnostics n = row_count;
  delete from watertight.audit_checkpoint where tenant_id = t;
  delete from watertight.audit_tree where tenant_id = t;
  delete from watertight.audit_retention where tenant_id = t;
  insert into watertight.audit_event (tenant_id, action, actor_kind, actor_email, ip, app_version, entity, entity_id, entity_key, diff)
    values ('00000000-0000-0000-0000-000000000000', 'watertight.erased', 'database', session_user, inet_client_addr(), 'none',
      'tenant', t::text, watertight.audit_key('00000000-0000-0000-0000-000000000000', 'tenant', t::text),
      json_build_object('events', n, 'size', coalesce(tree.size, 0), 'root', split_part(coalesce(head, ''), E'\n', 3)));
  return n;
end $$;
-- +goose StatementEnd
comment on function watertight.audit_erase(uuid) is
  'Deletes the whole log of a tenant that is closing or gone. The platform''s log keeps its final size and root, no personal data.';

-- +goose StatementBegin
create function watertight.audit_new_epoch(why text) returns smallint
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  s       watertight.audit_sealer;
  cluster bigint;
begin
  if coalesce(length(why), 0) < 5 then
    raise exception 'say why a new epoch begins' using errcode = '22023';
  end if;
  select * into s from watertight.audit_sealer for update;
  begin
    select system_identifier into cluster from pg_control_system();
  exception when insufficient_privilege or undefined_function then
    null;
  end;
  -- Events from now on carry the new number. It is a default, so that writing
  -- an event costs no look-up.
  execute format('alter table watertight.audit_event alter column epoch set default %s', s.epoch + 1);
  -- What is not sealed yet moves along: its transaction ids mean nothing here.
  update watertight.audit_event set epoch = s.epoch + 1, xid = pg_current_xact_id()
    where epoch = s.epoch and (xid >= s.hwm or id > s.last_id);
  update watertight.audit_sealer
    set epoch = s.epoch + 1, system_id = cluster, hwm = pg_snapshot_xmin(pg_current_snapshot());
  insert into watertight.audit_event (epoch, tenant_id, action, actor_kind, actor_email, ip, app_version, reason, diff)
    values (s.epoch + 1, '00000000-0000-0000-0000-000000000000', 'watertight.epoch', 'database', session_user, inet_client_addr(), 'none', why,
      json_build_object('epoch', s.epoch + 1, 'was', s.epoch, 'hwm', s.hwm::text));
  return s.epoch + 1;
end $$;
-- +goose StatementEnd
comment on function watertight.audit_new_epoch(text) is
  'Begins a new epoch of the log after the database was restored into another cluster, where transaction ids begin anew.';

-- +goose StatementBegin
do $$
declare
  f text;
begin
  foreach f in array '{"audit_seal_begin()","audit_seal_end(xid8,xid8,bigint,uuid[],bigint[],bytea[],text[])","audit_note(uuid,text,json)","audit_put_operator(uuid,text,json)","audit_prune(uuid,smallint,xid8,bigint,bigint,bytea)","audit_retain(uuid,int)","audit_lp(bytea)","audit_redact(uuid,bigint[],boolean,boolean)","audit_erase(uuid)","audit_new_epoch(text)"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_audit', f);
    execute format('revoke all on function watertight.%s from public', f);
  end loop;
end $$;
-- +goose StatementEnd
grant execute on function watertight.audit_seal_begin(),
  watertight.audit_seal_end(xid8, xid8, bigint, uuid[], bigint[], bytea[], text[]),
  watertight.audit_new_epoch(text) to watertight_sealer;
grant execute on function watertight.audit_note(uuid, text, json) to watertight_sealer, watertight_privacy;
grant execute on function watertight.audit_prune(uuid, smallint, xid8, bigint, bigint, bytea),
  watertight.audit_retain(uuid, int),
  watertight.audit_redact(uuid, bigint[], boolean, boolean),
  watertight.audit_erase(uuid) to watertight_privacy;

-- +goose Down
drop function watertight.audit_new_epoch(text);
drop function watertight.audit_erase(uuid);
drop function watertight.audit_redact(uuid, bigint[], boolean, boolean);
drop function watertight.audit_lp(bytea);
drop function watertight.audit_retain(uuid, int);
drop function watertight.audit_prune(uuid, smallint, xid8, bigint, bigint, bytea);
drop function watertight.audit_note(uuid, text, json);
drop function watertight.audit_put_operator(uuid, text, json);
drop function watertight.audit_seal_end(xid8, xid8, bigint, uuid[], bigint[], bytea[], text[]);
drop function watertight.audit_seal_begin();
