-- +goose Up
-- Capture: what writes events. Every function here that inserts one takes the
-- actor from the signed context, never from an argument or a plain setting.

-- +goose StatementBegin
create function watertight.audit_context() returns text[]
  language plpgsql stable parallel restricted security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return watertight.context();
end $$;
-- +goose StatementEnd
comment on function watertight.audit_context() is 'The verified context, for the functions of the log.';
alter function watertight.audit_context() owner to watertight_context;
revoke all on function watertight.audit_context() from public;
grant execute on function watertight.audit_context() to watertight_audit;

-- +goose StatementBegin
create function watertight.audit_tenant_status(t uuid) returns text
  language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select status from watertight.tenants where id = t;
end;
-- +goose StatementEnd
alter function watertight.audit_tenant_status(uuid) owner to watertight_context;
revoke all on function watertight.audit_tenant_status(uuid) from public;
grant execute on function watertight.audit_tenant_status(uuid) to watertight_audit;

create function watertight.audit_key(t uuid, entity text, entity_id text) returns bigint
  language sql immutable parallel safe
  return pg_catalog.hashtextextended(t::text || ' ' || entity || ' ' || entity_id, 0);
comment on function watertight.audit_key(uuid, text, text) is 'What the index on the history of a row goes by.';
alter function watertight.audit_key(uuid, text, text) owner to watertight_audit;
revoke all on function watertight.audit_key(uuid, text, text) from public;
grant execute on function watertight.audit_key(uuid, text, text) to watertight_app, watertight_system, watertight_sealer;

create function watertight.audit_claims(part text[]) returns jsonb
  language sql immutable
  return pg_catalog.convert_from(pg_catalog.decode(part[7], 'base64'), 'UTF8')::jsonb;

-- Inserts an event that code wrote. It is no definer function, and neither is
-- audit_row(): what calls them runs as the log's owner already, and nobody else
-- may call them or could insert.
-- +goose StatementBegin
create function watertight.audit_put(part text[], who jsonb, t uuid, action text, entity text, entity_id text, diff json) returns void
  language plpgsql
as $$
begin
  if coalesce(who->>'version', '') = '' or coalesce(who->>'user', who->>'email', '') = '' then
    raise exception 'the context names no actor or no application version'
      using errcode = '42501', constraint = 'watertight_audit_actor';
  end if;
  insert into watertight.audit_event (tenant_id, action, actor_kind, actor_id, actor_email, ip,
      app_version, request_id, grant_id, entity, entity_id, entity_key, reason, diff)
    values (t, action,
      case when part[3] = 'all' then 'system' else who->>'kind' end,
      who->>'user', who->>'email', (who->>'ip')::inet, who->>'version', who->>'request', (who->>'grant')::uuid,
      entity, entity_id, watertight.audit_key(t, entity, entity_id), who->>'reason', diff);
end $$;
-- +goose StatementEnd

-- A write outside any context, by a role that passes by row-level security: a
-- migration, an operator at a prompt. It is recorded under the role's name.
-- +goose StatementBegin
create function watertight.audit_put_direct(t uuid, op text, action text, entity text, entity_id text, diff json) returns void
  language plpgsql
as $$
declare
  acting text := case current_setting('role') when 'none' then session_user::text else current_setting('role') end;
begin
  if not exists (select from pg_catalog.pg_roles where rolname = acting and (rolsuper or rolbypassrls)) then
    raise exception 'no tenant context is set in this transaction, so there is no actor for the audit log'
      using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  insert into watertight.audit_event (tenant_id, op, action, actor_kind, actor_email, ip, app_version, entity, entity_id, entity_key, diff)
    values (t, op, action, 'database', concat_ws(' as ', session_user, nullif(acting, session_user)), inet_client_addr(),
      'none', entity, entity_id, watertight.audit_key(t, entity, entity_id), diff);
end $$;
-- +goose StatementEnd

-- What the generated triggers call. The insert is audit_put's, written out here
-- because this is the hot path: a call less is a tenth of what an event costs.
-- +goose StatementBegin
create function watertight.audit_row(p_op text, t uuid, p_entity text, p_entity_id text, p_diff text) returns void
  language plpgsql
as $$
declare
  part  text[];
  who   jsonb;
  label text;
begin
  if coalesce(current_setting('watertight.context', true), '') = '' then
    perform watertight.audit_put_direct(t, p_op, 'sql', p_entity, p_entity_id, ('{' || p_diff || '}')::json);
    return;
  end if;
  part := watertight.audit_context();
  -- A second line of defence behind row-level security.
  if part[3] <> 'all' and part[3] <> t::text then
    raise exception 'a row of another tenant was written to %', p_entity
      using errcode = '42501', constraint = 'watertight_audit_tenant';
  end if;
  who := convert_from(decode(part[7], 'base64'), 'UTF8')::jsonb;
  if coalesce(who->>'version', '') = '' or coalesce(who->>'user', who->>'email', '') = '' then
    raise exception 'the context names no actor or no application version'
      using errcode = '42501', constraint = 'watertight_audit_actor';
  end if;
  label := substring(current_query() from '\A-- name: ([A-Za-z0-9_]{1,63}) ');
  insert into watertight.audit_event (tenant_id, op, action, query, actor_kind, actor_id, actor_email, ip,
      app_version, request_id, grant_id, entity, entity_id, entity_key, reason, diff)
    values (t, p_op, part[6], nullif(label, part[6]),
      case when part[3] = 'all' then 'system' else who->>'kind' end,
      who->>'user', who->>'email', (who->>'ip')::inet, who->>'version', who->>'request', (who->>'grant')::uuid,
      p_entity, p_entity_id, watertight.audit_key(t, p_entity, p_entity_id), who->>'reason', ('{' || p_diff || '}')::json);
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.audit_log(action text, entity text, entity_id text, details json) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
begin
  if length(action) not between 1 and 100 or action is null then
    raise exception 'an action has 1 to 100 characters' using errcode = '22023';
  end if;
  if part[3] = 'list' then
    raise exception 'the context names no tenant' using errcode = '42501', constraint = 'watertight_context_missing';
  end if;
  if action ~ '^watertight\.' then
    raise exception 'actions that begin with watertight. are written by the library itself'
      using errcode = '42501', constraint = 'watertight_audit_reserved';
  end if;
  perform watertight.audit_put(part, watertight.audit_claims(part), case part[3] when 'all' then '00000000-0000-0000-0000-000000000000' else part[3] end::uuid,
    action, entity, entity_id, details);
end $$;
-- +goose StatementEnd
comment on function watertight.audit_log(text, text, text, json) is
  'Writes an event that no row trigger sees: a read of sensitive data, an export, a sign-in. In the log of the context''s tenant; of a cross-tenant context, in the platform''s.';

-- +goose StatementBegin
create function watertight.job_admitted() returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
begin
  if part[3] in ('all', 'list') or watertight.audit_claims(part)->>'kind' is distinct from 'job' then
    raise exception 'the context is not that of a job' using errcode = '42501', constraint = 'watertight_audit_job';
  end if;
  perform watertight.audit_put(part, watertight.audit_claims(part), part[3]::uuid, 'watertight.job', null, null, null);
end $$;
-- +goose StatementEnd
comment on function watertight.job_admitted() is 'Records that a job was let into the tenant.';

-- +goose StatementBegin
create function watertight.crosstenant_entered() returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
begin
  if part[3] <> 'all' then
    raise exception 'the context is not a cross-tenant one' using errcode = '42501', constraint = 'watertight_context_invalid';
  end if;
  perform watertight.audit_put(part, watertight.audit_claims(part), '00000000-0000-0000-0000-000000000000', 'watertight.crosstenant', null, null, null);
end $$;
-- +goose StatementEnd
comment on function watertight.crosstenant_entered() is
  'Records in the platform''s log that a cross-tenant transaction is about to begin, with its actor and reason.';

-- +goose StatementBegin
create function watertight.tenant_refused(known boolean) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  part text[] := watertight.audit_context();
  who  jsonb  := watertight.audit_claims(part);
begin
  if part[3] in ('all', 'list') or who->>'role' is distinct from 'refused' then
    raise exception 'the context is not that of a refused actor'
      using errcode = '42501', constraint = 'watertight_audit_refused';
  end if;
  -- The operator sees all of it.
  perform watertight.audit_put(part, who, '00000000-0000-0000-0000-000000000000', 'watertight.refused', 'tenant', part[3], null);
  -- The tenant sees that somebody knocked: not his address in another tenant,
  -- unless the account is one that the tenant itself knows. A tenant that does
  -- not exist has no log, or guessing ids would fill the table.
  if watertight.audit_tenant_status(part[3]::uuid) is not null then
    if not known and who->>'kind' <> 'job' then
      who := jsonb_build_object('user', 'unknown') || (who - 'email');
    end if;
    perform watertight.audit_put(part, who, part[3]::uuid, 'watertight.refused', 'tenant', part[3], null);
  end if;
end  $$;
-- +goose StatementEnd
comment on function watertight.tenant_refused(boolean) is
  'Records that the context''s actor asked for the context''s tenant and was not admitted, in the platform''s log and in the tenant''s.';

-- +goose StatementBegin
do $$
declare
  f text;
begin
  foreach f in array '{"audit_put(text[],jsonb,uuid,text,text,text,json)","audit_claims(text[])","audit_put_direct(uuid,text,text,text,text,json)","audit_row(text,uuid,text,text,text)","audit_log(text,text,text,json)","job_admitted()","crosstenant_entered()","tenant_refused(boolean)"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_audit', f);
    execute format('revoke all on function watertight.%s from public', f);
  end loop;
end $$;
-- +goose StatementEnd
grant execute on function watertight.audit_log(text, text, text, json) to watertight_app, watertight_system, watertight_support;
grant execute on function watertight.job_admitted(), watertight.tenant_refused(boolean) to watertight_app;
grant execute on function watertight.crosstenant_entered() to watertight_system;

-- Which columns the log shows. Without a rule a bytea column and one that is
-- named like a secret are masked, everything else is plain.
-- +goose StatementBegin
create function watertight.audit_rules(rel regclass, tenant_column name)
  returns table (attnum smallint, name name, rule text, in_key boolean, exact boolean, foreign_type boolean)
  language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select a.attnum, a.attname,
    coalesce(c.rule, case
      when a.atttypid = 'bytea'::regtype or a.attname ~* '(password|passwd|passphrase|secret|token|private_?key|api_?key)' then 'mask'
      else 'plain' end),
    coalesce(a.attnum = any (i.indkey), false),
    -- Types whose = is true for the same bytes only. Of the others, such as
    -- numeric (1.0 and 1.00) or a case-insensitive text, the images are
    -- compared, or a change would leave no event.
    a.atttypid = any ('{bool,int2,int4,int8,oid,uuid,date,time,timestamp,timestamptz,bytea,name}'::regtype[])
      or a.atttypid = any ('{text,varchar}'::regtype[]) and coalesce(l.collisdeterministic, true),
    -- Types that somebody made. to_json() would call a cast that their owner
    -- may define, with the rights of the log's owner: they are written as text.
    coalesce(e.typnamespace, b.typnamespace, t.typnamespace) <> 'pg_catalog'::regnamespace
  from pg_attribute a
  join pg_type t on t.oid = a.atttypid
  left join pg_type b on b.oid = t.typbasetype
  left join pg_type e on e.oid = nullif(coalesce(b.typelem, t.typelem), 0)
  left join pg_index i on i.indrelid = a.attrelid and i.indisprimary
  left join pg_collation l on l.oid = a.attcollation
  left join watertight.audit_column c on c.relid = rel and c.column_name = a.attname
  where a.attrelid = rel and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    and (a.attname <> tenant_column or rel = to_regclass('watertight.tenants'))
  order by a.attnum;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.audit_source(rel regclass, tenant_column name) returns text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $outer$
declare
  entity text := (select quote_literal(relnamespace::regnamespace::text || '.' || quote_ident(relname)) from pg_class where oid = rel);
  keys   text[] := '{}';
  parts  text[];
  body   text := '';
  col    record;
  chunk  text[];
  shown  text;
  img    text;
  op     text;
  side   text;
  n      int;
begin
  for col in select r.name, r.foreign_type from pg_index i, unnest(i.indkey) with ordinality as k(att, ord), watertight.audit_rules(rel, tenant_column) r
    where i.indrelid = rel and i.indisprimary and r.attnum = k.att
    order by k.ord
  loop
    img := '%1$s."' || replace(replace(col.name, '"', '""'), '%', '%%') || '"';
    keys := keys || case when col.foreign_type then 'concat(' || img || ')' else img end;
  end loop;
  foreach op in array '{INSERT,DELETE,UPDATE}'::text[] loop
    side := case op when 'DELETE' then 'old' else 'new' end;
    parts := '{}';
    for col in select * from watertight.audit_rules(rel, tenant_column) r where r.rule <> 'omit' loop
      -- Quoted always: PL/pgSQL does not find a field that is named like one of
      -- its keywords (by), which quote_ident() leaves bare.
      img := '"' || replace(col.name, '"', '""') || '"';
      shown := case col.rule
        when 'mask' then $$case when %s is not distinct from null then 'null' else '"***"' end$$
        else case when col.foreign_type then $$case when %s is not distinct from null then 'null' else to_json(concat(%s))::text end$$
          else $$coalesce(to_json(%s)::text, 'null')$$ end end;
      if op = 'UPDATE' then
        parts := parts || format($$case when %s then %L || %s || ',' || %s || ']' end$$,
          case when col.exact then format('old.%s is distinct from new.%s', img, img)
               else format('record_image_ne(row(old.%s), row(new.%s))', img, img) end,
          to_json(col.name::text)::text || ':[',
          format(shown, 'old.' || img, 'old.' || img), format(shown, 'new.' || img, 'new.' || img));
      elsif not col.in_key then -- the key stands in entity_id
        parts := parts || format($$case when %s.%s is distinct from null then %L || %s || %L end$$, side, img,
          to_json(col.name::text)::text || case op when 'INSERT' then ':[null,' else ':[' end,
          format(shown, side || '.' || img, side || '.' || img),
          case op when 'INSERT' then ']' else ',null]' end);
      end if;
    end loop;
    body := body || format(E'  %s tg_op = %L then\n', case op when 'INSERT' then 'if' else 'elsif' end, op);
    n := 1;
    if parts = '{}' then
      parts := array['null'];
    end if;
    while n <= cardinality(parts) loop -- a function takes 100 arguments
      chunk := parts[n : n + 39];
      body := body || format(E'    d := concat_ws('','', %s\n      %s);\n', case when n > 1 then 'nullif(d, ''''),' else '' end, array_to_string(chunk, E',\n      '));
      n := n + 40;
    end loop;
    if op = 'UPDATE' then
      body := body || E'    if d = '''' then\n      return null; -- nothing of it changed\n    end if;\n';
    end if;
    body := body || format(E'    perform watertight.audit_row(%L, %s.%I, %s, %s, d);\n', lower(left(op, 1)), side, tenant_column, entity,
      format(case cardinality(keys) when 0 then 'null' when 1 then 'concat(' || keys[1] || ')'
        else 'json_build_array(' || array_to_string(keys, ', ') || ')::text' end, side));
  end loop;
  return E'\ndeclare\n  d text;\nbegin\n' || body || E'  end if;\n  return null;\nend ';
end $outer$;
-- +goose StatementEnd
comment on function watertight.audit_source(regclass, name) is
  'The body of a table''s audit trigger function, generated from its columns as they are now.';

-- +goose StatementBegin
create function watertight.audit_function(rel regclass) returns text
  language sql stable set search_path = pg_catalog, pg_temp
begin atomic
  select coalesce(
    (select tgfoid::regproc::text from pg_trigger where tgrelid = rel and tgname = 'watertight_audit'),
    format('watertight.%I', case when octet_length(n.label) <= 63 then n.label
      else left(n.label, 10) || ' ' || md5(n.label) end))
  from pg_class c, format('audit:%s.%s', c.relnamespace::regnamespace::name, c.relname) n(label)
  where c.oid = rel;
end;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.audit_generate(rel regclass, tenant_column name default 'tenant_id') returns text
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $outer$
declare
  name text := watertight.audit_function(rel);
begin
  execute format('create or replace function %s() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as %L',
    name, watertight.audit_source(rel, tenant_column));
  execute format('revoke all on function %s() from public', name);
  execute format('grant execute on function %s() to watertight_owner, watertight_migrator', name);
  return name;
end $outer$;
-- +goose StatementEnd
comment on function watertight.audit_generate(regclass, name) is
  'Makes a table''s audit trigger function, or makes it anew after its columns changed. Owned by watertight_audit, like the log.';

-- +goose StatementBegin
create function watertight.audit_refuse_truncate() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception 'TRUNCATE of % would leave no event of the rows it removes', tg_relid::regclass
    using errcode = '42501', constraint = 'watertight_audit_truncate', hint = 'Use DELETE, or unprotect the table first.';
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function watertight.audit_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return next format('select watertight.audit_generate(%L, %L)', rel, tenant_column);
  return next format('create or replace trigger watertight_audit after insert or update or delete on %s for each row execute function %s()', rel, watertight.audit_function(rel));
  return next format('alter table %s enable always trigger watertight_audit', rel);
  return next format('create or replace trigger watertight_audit_truncate before truncate on %s for each statement execute function watertight.audit_refuse_truncate()', rel);
  return next format('alter table %s enable always trigger watertight_audit_truncate', rel);
end $$;
-- +goose StatementEnd
comment on function watertight.audit_ddl(regclass, name) is 'The part of protect_ddl() that makes a table''s changes leave events.';

-- +goose StatementBegin
create function watertight.audit_columns(rel regclass, new_rule text, variadic columns name[]) returns void
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  col name;
  p   watertight.protected_table;
begin
  if coalesce(new_rule, '') not in ('plain', 'mask', 'omit', 'default') then
    raise exception 'a column of the log is plain, mask, omit or default, not %', new_rule using errcode = '22023';
  end if;
  foreach col in array columns loop
    if not exists (select from pg_attribute where attrelid = rel and attname = col and attnum > 0 and not attisdropped) then
      raise exception '% has no column %', rel, quote_ident(col) using errcode = '42703';
    end if;
    delete from watertight.audit_column where relid = rel and column_name = col;
    if new_rule <> 'default' then
      insert into watertight.audit_column values (rel, col, new_rule);
    end if;
  end loop;
  select * into p from watertight.protected_table where relid = rel and kind = 'tenant';
  if p.relid is not null then
    perform watertight.audit_generate(rel, p.tenant_column);
  end if;
  -- Who made the log blind to a column stands in the log.
  perform watertight.audit_put_operator('00000000-0000-0000-0000-000000000000', 'watertight.columns',
    json_build_object('table', rel::text, 'rule', new_rule, 'columns', columns));
end $$;
-- +goose StatementEnd
comment on function watertight.audit_columns(regclass, text, variadic name[]) is
  'Says how the log treats columns: plain shows values, mask hides them behind ***, omit takes no notice of changes of them, default is mask for bytea and for names like a secret''s, plain for the rest.';

-- +goose StatementBegin
create function watertight.audit_stale() returns table (relid regclass, problem text)
  language sql stable security definer set search_path = pg_catalog, pg_temp
begin atomic
  select p.relid, case
      when g.oid is null then 'has no audit trigger (select watertight.protect again)'
      when g.tgenabled <> 'A' then 'has a disabled audit trigger (select watertight.protect again)'
      when pg_get_userbyid(f.proowner) <> 'watertight_audit' then 'has an audit trigger of a function that watertight_audit does not own (drop the trigger, then select watertight.protect again)'
      else 'was changed since its audit trigger was made (select watertight.protect again)' end
  from watertight.protected_table p
  join pg_class c on c.oid = p.relid
  left join pg_trigger g on g.tgrelid = p.relid and g.tgname = 'watertight_audit'
  left join pg_proc f on f.oid = g.tgfoid
  where p.kind = 'tenant'
    and not coalesce(g.tgenabled = 'A' and pg_get_userbyid(f.proowner) = 'watertight_audit'
      and f.prosrc = watertight.audit_source(p.relid, p.tenant_column), false)
  union all
  select c.oid::regclass, 'is a partition without an enabled audit trigger (select watertight.protect on its parent again)'
  from watertight.protected_table p, pg_partition_tree(p.relid) t
  join pg_class c on c.oid = t.relid
  where p.kind = 'tenant' and c.oid <> p.relid and not exists (
    select from pg_trigger g where g.tgrelid = c.oid and g.tgname = 'watertight_audit' and g.tgenabled = 'A');
end;
-- +goose StatementEnd
comment on function watertight.audit_stale() is
  'Protected tables whose changes do not all leave events as they should. No rows: they do.';

-- A migration that adds or drops a column of a protected table need not think
-- of the log. Where event triggers are not allowed, audit_stale() tells.
-- +goose StatementBegin
create function watertight.audit_refresh() returns event_trigger
  language plpgsql security definer set search_path = pg_catalog, pg_temp
as $$
declare
  p record;
begin
  for p in
    select distinct t.relid, t.tenant_column
    from pg_event_trigger_ddl_commands() d
    join watertight.protected_table t on t.relid = d.objid and t.kind = 'tenant'
    join pg_trigger g on g.tgrelid = t.relid and g.tgname = 'watertight_audit'
    join pg_proc f on f.oid = g.tgfoid
    where d.classid = 'pg_class'::regclass
      and exists (select from pg_attribute a where a.attrelid = t.relid and a.attname = t.tenant_column and not a.attisdropped)
      and f.prosrc <> watertight.audit_source(t.relid, t.tenant_column)
  loop
    perform watertight.audit_generate(p.relid, p.tenant_column);
  end loop;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
do $$
declare
  f text;
begin
  foreach f in array '{"audit_rules(regclass,name)","audit_source(regclass,name)","audit_function(regclass)","audit_generate(regclass,name)","audit_refuse_truncate()","audit_ddl(regclass,name)","audit_columns(regclass,text,name[])","audit_stale()","audit_refresh()"}'::text[] loop
    execute format('alter function watertight.%s owner to watertight_audit', f);
    execute format('revoke all on function watertight.%s from public', f);
  end loop;
  foreach f in array '{"audit_source(regclass,name)","audit_rules(regclass,name)","audit_function(regclass)","audit_generate(regclass,name)","audit_refuse_truncate()","audit_ddl(regclass,name)","audit_columns(regclass,text,name[])"}'::text[] loop
    execute format('grant execute on function watertight.%s to watertight_owner, watertight_migrator', f);
  end loop;
end $$;
-- +goose StatementEnd
grant execute on function watertight.audit_stale() to watertight_app, watertight_system, watertight_migrator, watertight_sealer;
grant select on watertight.protected_table to watertight_audit;
grant select on watertight.audit_column to watertight_owner, watertight_migrator;

-- protect() runs what protect_ddl() lists: from here on that of before, which
-- keeps tenants apart, and then that of the log. (OR REPLACE replaces nothing:
-- sqlc, which reads these files, takes no notice of the new name.)
alter function watertight.protect_ddl(regclass, name) rename to protect_ddl_isolation;
-- +goose StatementBegin
create or replace function watertight.protect_ddl(rel regclass, tenant_column name default 'tenant_id') returns setof text
  language plpgsql stable set search_path = pg_catalog, pg_temp
as $$
begin
  return query select watertight.protect_ddl_isolation(rel, tenant_column);
  return query select watertight.audit_ddl(rel, tenant_column);
end $$;
-- +goose StatementEnd
comment on function watertight.protect_ddl(regclass, name) is
  'The statements that protect() runs, for teams that review them.';
alter function watertight.protect_ddl(regclass, name) owner to watertight_owner;
revoke all on function watertight.protect_ddl(regclass, name) from public;
grant execute on function watertight.protect_ddl(regclass, name) to watertight_migrator;

-- What was protected before the log existed gets its triggers here.
-- +goose StatementBegin
do $$
declare
  p         record;
  statement text;
begin
  for p in select * from watertight.protected_table where kind = 'tenant' loop
    for statement in select watertight.audit_ddl(p.relid, p.tenant_column) loop
      execute statement;
    end loop;
  end loop;
end $$;
-- +goose StatementEnd

-- The guard refuses to take an audit trigger away or to switch it off. One
-- that is only out of date is no reason to refuse a migration.
alter function watertight.unguarded() rename to unguarded_isolation;
-- +goose StatementBegin
create or replace function watertight.unguarded() returns setof text
  language plpgsql stable security definer set search_path = pg_catalog, pg_temp
as $$
begin
  return query select watertight.unguarded_isolation();
  return query
    select format('%s: its changes would leave no event in the audit log', c.oid::regclass)
    from watertight.protected_table p
    cross join lateral (select p.relid::oid as oid union select t.relid from pg_partition_tree(p.relid) t) c
    where p.kind = 'tenant' and exists (select from pg_class where oid = p.relid) -- not dropped since
      and not exists (
      select from pg_trigger g join pg_proc f on f.oid = g.tgfoid
      where g.tgrelid = c.oid and g.tgname = 'watertight_audit' and g.tgenabled = 'A'
        and pg_get_userbyid(f.proowner) = 'watertight_audit');
end $$;
-- +goose StatementEnd
comment on function watertight.unguarded() is
  'Protected tables that have lost a part of their protection. The guard refuses the statement that would make a row appear here.';
alter function watertight.unguarded() owner to watertight_owner;
revoke all on function watertight.unguarded() from public;
grant execute on function watertight.unguarded() to watertight_migrator, watertight_app, watertight_system;

-- +goose StatementBegin
do $$
begin
  create event trigger watertight_audit_refresh on ddl_command_end
    when tag in ('ALTER TABLE')
    execute function watertight.audit_refresh();
  create event trigger watertight_audit_trigger on ddl_command_end
    when tag in ('CREATE TRIGGER', 'ALTER TRIGGER', 'DROP TRIGGER', 'DROP FUNCTION', 'ALTER FUNCTION')
    execute function watertight.guard_protected();
exception when insufficient_privilege then
  insert into watertight.limitation values ('event-triggers-audit',
    'create the event triggers that guard audit triggers',
    'a later migration can take a table''s audit trigger away without being refused, and one that changes columns must select watertight.protect again: run watertight inspect in CI, or ask watertight.audit_stale()')
    on conflict do nothing;
end $$;
-- +goose StatementEnd

-- +goose Down
drop event trigger if exists watertight_audit_trigger;
drop event trigger if exists watertight_audit_refresh;
delete from watertight.limitation where id = 'event-triggers-audit';
drop function watertight.unguarded();
alter function watertight.unguarded_isolation() rename to unguarded;
drop function watertight.protect_ddl(regclass, name);
alter function watertight.protect_ddl_isolation(regclass, name) rename to protect_ddl;
-- +goose StatementBegin
do $$
declare
  item record;
begin
  for item in
    select g.tgname, g.tgrelid::regclass as rel from pg_trigger g join pg_proc f on f.oid = g.tgfoid
    where g.tgname in ('watertight_audit', 'watertight_audit_truncate') and pg_get_userbyid(f.proowner) = 'watertight_audit' and g.tgparentid = 0
  loop
    execute format('drop trigger %I on %s', item.tgname, item.rel);
  end loop;
  for item in
    select oid::regprocedure as f from pg_proc
    where pronamespace = 'watertight'::regnamespace and proname ~ '^audit:' and pg_get_userbyid(proowner) = 'watertight_audit'
  loop
    execute format('drop function %s', item.f);
  end loop;
end $$;
-- +goose StatementEnd
drop function watertight.audit_refresh();
drop function watertight.audit_stale();
drop function watertight.audit_columns(regclass, text, name[]);
drop function watertight.audit_ddl(regclass, name);
drop function watertight.audit_refuse_truncate();
drop function watertight.audit_generate(regclass, name);
drop function watertight.audit_function(regclass);
drop function watertight.audit_source(regclass, name);
drop function watertight.audit_rules(regclass, name);
revoke select on watertight.protected_table from watertight_audit;
revoke select on watertight.audit_column from watertight_owner, watertight_migrator;
drop function watertight.tenant_refused(boolean);
drop function watertight.crosstenant_entered();
drop function watertight.job_admitted();
drop function watertight.audit_log(text, text, text, json);
drop function watertight.audit_row(text, uuid, text, text, text);
drop function watertight.audit_put_direct(uuid, text, text, text, text, json);
drop function watertight.audit_put(text[], jsonb, uuid, text, text, text, json);
drop function watertight.audit_claims(text[]);
drop function watertight.audit_key(uuid, text, text);
drop function watertight.audit_tenant_status(uuid);
drop function watertight.audit_context();
