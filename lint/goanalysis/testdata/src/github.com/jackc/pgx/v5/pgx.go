package pgx

import "context"

type Tx interface {
	Exec(ctx context.Context, sql string, args ...any) (int, error)
}
type Conn struct{}

func (*Conn) Query(ctx context.Context, sql string, args ...any) (any, error) { return nil, nil }
