create subscription feed connection 'host=192.0.2.1 dbname=none' publication p with (connect = false, slot_name = none);
