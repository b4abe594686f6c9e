select 'error', coalesce((select rolname::text from pg_catalog.pg_roles r where r.oid = s.setrole), pg_catalog.current_database()::text), '',
  format('the setting %s is a secret by its name, and every role reads settings (pg_db_role_setting, current_setting)', split_part(c, '=', 1)),
  'keep it in a table that only its definer function reads, and change it'
from pg_catalog.pg_db_role_setting s, unnest(s.setconfig) c
where split_part(c, '=', 1) ~ '\.' and split_part(c, '=', 1) ~* '(secret|passw|hmac|private_?key|signing|encryption_?key|api_?key|_key$|\.key$|token$)' and length(c) > strpos(c, '=') + 3
  and (s.setdatabase = 0 or s.setdatabase = (select oid from pg_catalog.pg_database where datname = pg_catalog.current_database()))
union all
select 'error', r.name, '', format('the text of %s holds a key, and every role reads the text of functions', r.name), 'keep it in a table that only its definer function reads, and change it'
from routine r join pg_catalog.pg_proc p on p.oid = r.oid
where p.prosrc ~* '\m(hmac|sha256|pgp_sym_encrypt|pgp_sym_decrypt|encrypt|decrypt|digest|crypt)\s*\(([^;()]|\([^()]*\))*''[A-Za-z0-9+/=_!@#$%^&*-]{12,}'''
union all
select 'error', p.policy || ' on ' || p.relid::regclass::text, p.relid::regclass::text,
  format('the policy %I on %s holds a key, and every role reads policies', p.policy, p.relid::regclass), 'keep it in a table that only a definer function reads, and change it'
from secret p
