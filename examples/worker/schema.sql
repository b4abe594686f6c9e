-- River's tables lie apart from the team's own.
create schema if not exists queue;
