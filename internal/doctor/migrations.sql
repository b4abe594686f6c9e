select version from watertight.applied_migrations() as version
