-- Two customers, each with its owner, for Example functions.
insert into watertight.tenants (id, name) values
  ('aaaaaaaa-0000-4000-8000-000000000001', 'Alpha'),
  ('bbbbbbbb-0000-4000-8000-000000000002', 'Beta');
insert into watertight.users (tenant_id, id, email, display_name) values
  ('aaaaaaaa-0000-4000-8000-000000000001', 'a1a1a1a1-0000-4000-8000-000000000001', 'anna@alpha.example', 'Anna'),
  ('bbbbbbbb-0000-4000-8000-000000000002', 'b2b2b2b2-0000-4000-8000-000000000002', 'bob@beta.example', 'Bob');
insert into watertight.memberships (tenant_id, user_id, role) values
  ('aaaaaaaa-0000-4000-8000-000000000001', 'a1a1a1a1-0000-4000-8000-000000000001', 'owner'),
  ('bbbbbbbb-0000-4000-8000-000000000002', 'b2b2b2b2-0000-4000-8000-000000000002', 'owner');
