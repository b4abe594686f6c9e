package allowed

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

func migrate(ctx context.Context, pool *pgxpool.Pool, ddl string) { pool.Exec(ctx, "create "+ddl) }
