select id, what, consequence from watertight.limitation order by id
