set local transform_null_equals = off;
