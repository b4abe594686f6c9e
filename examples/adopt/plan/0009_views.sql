-- +goose NO TRANSACTION
-- +watertight schema 05c83771ee7517ab
-- +watertight contract
-- Let views and functions read as whoever asks.
--
-- A view reads with the rights of its owner, past the policies of its reader. Definer functions
-- become what was decided.

-- +goose Up
alter view public.open_orders set (security_invoker = true);
alter routine public.revenue(bigint) security invoker;

-- +goose Down
alter view public.open_orders reset (security_invoker);
alter routine public.revenue(bigint) security definer;
select watertight_adopt.restore(9);
