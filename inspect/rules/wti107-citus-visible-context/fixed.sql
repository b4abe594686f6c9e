-- profile: citus
alter role wt_app set track_activities = off;
