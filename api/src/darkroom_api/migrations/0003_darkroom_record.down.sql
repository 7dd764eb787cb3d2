DROP FUNCTION darkroom_record;
DROP FUNCTION darkroom_status_rank;
