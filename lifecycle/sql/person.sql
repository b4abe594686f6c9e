-- The columns that a team has declared to hold an account's id or an address.
select relid::oid, column_name::text, kind, on_erase from watertight.person_columns order by relid::oid, column_name
