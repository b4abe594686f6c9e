-- profile: citus
alter role wt_app set citus.propagate_set_commands = 'local';
